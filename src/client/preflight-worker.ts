import type { Batch } from '../batch/read-batch.js';
import { InvalidBatch } from '../contract/errors.js';
import { isEngineConfigured } from '../engine/index.js';
import type { Connections } from './connections.js';
import { leftToDo } from './left-to-do.js';
import { preflight } from './preflight.js';
import { isBatchFinished } from './start.js';
import { isWorkerAlive } from './worker-host.js';

/**
 * Where jobs run on the workers of a configured engine, what this host lacks tells nothing of them: a worker looks when
 * the batch opens, before any job begins. Where there is none yet, and this process is to be it, it is looked at now.
 * @param hosts whether this process runs the jobs while no worker does
 * @throws InvalidBatch when nothing was started, for this host could not run it
 */
export async function preflightWorker(batch: Batch, connections: Connections, hosts: boolean): Promise<void> {
  if (!isEngineConfigured(connections.config)) return; // looked at when the batch was read
  const lacks = await whatIsLacking(batch, connections);
  if (lacks === undefined || (await isBatchFinished(batch, connections))) return;
  if (hosts && !(await isWorkerAlive(connections))) throw lacks;
  const [first] = lacks.problems;
  connections.notify(
    `this host could not run the batch itself (${first?.message ?? ''}); whether its workers can, the one that opens it says before any job begins`,
  );
}

async function whatIsLacking(batch: Batch, connections: Connections): Promise<InvalidBatch | undefined> {
  try {
    await preflight(batch, connections.config, true, async () => leftToDo(batch, await connections.ledger()));
    return undefined;
  } catch (error) {
    if (error instanceof InvalidBatch) return error;
    throw error;
  }
}
