import type { Nightshift } from '../client/nightshift.js';
import type { StartedFrom } from '../report/batch-file-command.js';

/** What a batch was started from, for the command that starts it again. */
export const startedFrom = async (
  nightshift: Pick<Nightshift, 'list'>,
  batchId: string,
): Promise<StartedFrom> =>
  (await nightshift.list(Number.MAX_SAFE_INTEGER)).find(({ id }) => id === batchId) ?? {};
