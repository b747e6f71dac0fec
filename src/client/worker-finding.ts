import type { BatchRow } from '../ledger/ledger.js';
import { duration, plural } from '../report/format.js';
import { onlyApprovalsLeft } from './approvals-left.js';
import { batchesUnderWay } from './batches-under-way.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';
import { holdOver } from './hold-over.js';
import { isAsking, pollersOf } from './pollers.js';
import { described } from './run-under-way.js';
import { allSchedules } from './schedules/find.js';
import { isWorkerAlive } from './worker-host.js';

const SHOWN = 3;

/** Who would take the work of a night, and of batches under way. */
export async function workerFinding(connections: Connections): Promise<Finding[]> {
  const subject = 'worker';
  const { taskQueue } = connections.config;
  const pollers = await pollersOf(connections);
  const asking = pollers.filter(isAsking);
  // An embedded engine is stopped with its last user, and has then forgotten who asked.
  if (asking.length > 0 || (await isWorkerAlive(connections))) {
    const names = asking.map(({ identity }) => identity).slice(0, SHOWN);
    const who = names.length === 0 ? '' : `: ${names.join(', ')}${asking.length > SHOWN ? ', …' : ''}`;
    const detail = `${Math.max(1, asking.length)} at the queue "${taskQueue}"${who}`;
    return [{ subject, status: 'ok', detail }];
  }
  const lastMs = Math.max(...pollers.map(({ askedMs }) => askedMs));
  const seen = Number.isFinite(lastMs) ? `, the last one was seen ${duration(Date.now() - lastMs)} ago` : '';
  const detail = `none asks for work at the queue "${taskQueue}"${seen}`;
  const stuck = await waitForWorker(connections);
  const schedules = await allSchedules(connections);
  const areNights = schedules.some(({ description }) => !description.state.paused);
  if (stuck.length === 0 && !areNights)
    return [{ subject, status: 'ok', detail: `${detail}; "run" brings its own` }];
  const who = [...(stuck.length > 0 ? [batchesText(stuck)] : []), ...(areNights ? ['nights'] : [])];
  const wait = stuck.length === 1 && !areNights ? 'waits' : 'wait';
  const fix = `start "nightshift worker" or "nightshift up": ${who.join(' and ')} ${wait} for it`;
  return [{ subject, status: 'fail', detail, fix }];
}

function batchesText(batches: readonly BatchRow[]): string {
  const names = [...new Set(batches.map(({ name }) => name))];
  const shown = names.slice(0, SHOWN).join(', ') + (names.length > SHOWN ? ', …' : '');
  return `${plural(batches.length, 'batch', 'batches')} under way (${shown})`;
}

/** Batches under way at our task queue that stand still without one: whom a pause or a person's yes holds has no need of it. */
async function waitForWorker(connections: Connections): Promise<readonly BatchRow[]> {
  const ledger = await connections.ledger();
  const client = await connections.client();
  const found: BatchRow[] = [];
  for (const row of await batchesUnderWay(ledger)) {
    if (!(await isCarriedHere(row, connections)) || (await holdOver(row, connections))) continue;
    if (!(await onlyApprovalsLeft(row, { ledger, client }))) found.push(row);
  }
  return found;
}

/** The ledger never hears that a run was terminated. */
async function isCarriedHere({ id }: BatchRow, connections: Connections): Promise<boolean> {
  const known = await described(id, await connections.client());
  return known?.status.name === 'RUNNING' && known.taskQueue === connections.config.taskQueue;
}
