import { duration } from '../report/format.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';
import { isAsking, pollersOf } from './pollers.js';
import { allSchedules } from './schedules/find.js';
import { isWorkerAlive } from './worker-host.js';

const SHOWN = 3;

/** Who would take the work of a night. */
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
  const schedules = await allSchedules(connections);
  if (schedules.every(({ description }) => description.state.paused))
    return [{ subject, status: 'ok', detail: `${detail}; "run" brings its own` }];
  const fix = 'start "nightshift worker" or "nightshift up": nights wait for it';
  return [{ subject, status: 'fail', detail, fix }];
}
