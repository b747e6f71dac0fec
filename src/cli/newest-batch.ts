import type { Nightshift } from '../client/nightshift.js';
import { UsageError } from '../contract/errors.js';

/** Workflow ID of the batch opened last. @throws UsageError when none was ever run */
export async function newestBatch(nightshift: Nightshift): Promise<string> {
  const [newest] = await nightshift.list(1);
  if (newest) return newest.id;
  throw new UsageError(
    `no batch was ever run in ${nightshift.config.stateDir}; start one with "nightshift run FILE", or name another state directory with --state`,
  );
}
