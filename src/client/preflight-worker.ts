import type { Batch } from '../batch/read-batch.js';
import { AdapterError, InvalidBatch } from '../contract/errors.js';
import { isEngineConfigured, peekEngine } from '../engine/index.js';
import { noRoom, roomIn } from '../free-room.js';
import type { Connections } from './connections.js';
import { leftToDo } from './left-to-do.js';
import { preflight } from './preflight.js';
import { isBatchFinished } from './start.js';
import { isWorkerAlive } from './worker-host.js';

/**
 * What stands before a start of this batch, on the host that would run it. Where jobs run on the workers of a
 * configured engine, what this host lacks tells nothing of them: a worker looks when the batch opens, before any job
 * begins. Where there is none yet, and this process is to be it, it is looked at now.
 * @param hosts whether this process runs the jobs while no worker does
 * @throws InvalidBatch when nothing was started, for this host could not run it; AdapterError `config` likewise
 */
export async function preflightWorker(batch: Batch, connections: Connections, hosts: boolean): Promise<void> {
  if (!isEngineConfigured(connections.config)) return mustHaveRoom(batch, connections); // the rest was looked at when it was read
  const lacks = await whatIsLacking(batch, connections);
  if (lacks === undefined || (await isBatchFinished(batch, connections))) return;
  if (hosts && !(await isWorkerAlive(connections))) throw lacks;
  const [first] = lacks.problems;
  connections.notify(
    `this host could not run the batch itself (${first?.message ?? ''}); whether its workers can, the one that opens it says before any job begins`,
  );
}

/**
 * The worker that opens the batch looks at its own disk, too. But an engine of ours must not be started on one that it
 * will fill; one that runs may have the batch under way, which is joined all the same.
 */
async function mustHaveRoom(batch: Batch, connections: Connections): Promise<void> {
  const { stateDir } = connections.config;
  const full = noRoom(await roomIn(stateDir));
  if (full === undefined || (await peekEngine(stateDir))) return;
  if ((await leftToDo(batch, await connections.ledger())) !== 'sessions') return;
  throw new AdapterError('config', `nothing was started: ${full.message}; ${full.hint}`, { sent: 'no' });
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
