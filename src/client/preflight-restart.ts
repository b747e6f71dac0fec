import { lacksHere, refusalFor } from '../activities/lacks-here.js';
import type { Definition } from '../contract/batch-file.js';
import { isEngineConfigured } from '../engine/index.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { Connections } from './connections.js';
import type { RunsAgain } from './to-retry.js';
import { isWorkerAlive } from './worker-host.js';

/**
 * What `preflight` is to a start from files, to another start of what is stored. A worker that lives looks for itself,
 * with what it has; where none does, this host is to be it, and would find so when it opens the run.
 * @throws AdapterError `config` or `auth` when this host could not run it
 */
export async function preflightRestart(
  { name }: Pick<BatchRow, 'name'>,
  definition: Definition,
  { effects, left }: RunsAgain,
  connections: Connections,
): Promise<void> {
  const { config } = connections;
  if (effects === undefined || isEngineConfigured(config) || (await isWorkerAlive(connections))) return;
  const lacks = await lacksHere(definition, { effects, left }, config);
  if (lacks.length === 0) return;
  throw refusalFor(
    lacks,
    (what) =>
      `nothing was started, and the jobs of ${name} are as they were, for this host could not run them: ${what}`,
  );
}
