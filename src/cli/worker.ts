import type { Nightshift } from '../client/nightshift.js';
import { fieldLines } from '../report/field-lines.js';
import { ExitCode } from './exit-codes.js';
import { serve } from './serve.js';
import type { Shell } from './shell.js';

export interface WorkerFlags {
  readonly check?: boolean;
}

/** `nightshift worker`: takes work from the configured Temporal, or from the embedded engine, until it is told to stop. */
export async function worker({ check }: WorkerFlags, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const nightshift = await shell.nightshift();
  if (check) return checkWorker(nightshift, shell);
  const { kind, address, namespace } = await nightshift.engine();
  const { stateDir, taskQueue } = nightshift.config;
  if (shell.flags.json) out.json({ engine: kind, address, namespace, taskQueue, stateDir });
  else
    out.results(fieldLines({ engine: `${address} (${kind})`, namespace, queue: taskQueue, state: stateDir }));
  const ready = 'ready: working; Ctrl-C or SIGTERM lets it finish what it has in hand';
  return serve(nightshift, ready, shell);
}

/** For health checks of containers and service managers. */
async function checkWorker(nightshift: Nightshift, { out, flags }: Shell): Promise<ExitCode> {
  const { taskQueue } = nightshift.config;
  const alive = await nightshift.isWorkerHereAlive();
  if (flags.json) out.json({ alive, taskQueue });
  else out.results([[`${alive ? 'a' : 'no'} worker of this host takes work from the queue ${taskQueue}`]]);
  return alive ? ExitCode.done : ExitCode.engineUnavailable;
}
