import type { Nightshift, Started } from '../client/nightshift.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** Leaves a started batch to itself; says what it needs to get on, and how to come back to it. */
export async function detached(started: Started, nightshift: Nightshift, shell: Shell): Promise<ExitCode> {
  const { how, name, key, workflowId, runId } = started;
  const { out } = shell;
  const worker = await nightshift.isWorkerAlive();
  if (shell.flags.json) out.json({ batch: { name, key, workflowId, runId }, how, worker });
  else out.result(`${name} goes on by itself; watch it: ${shell.command('watch', name)}`);
  if (!worker) out.note(noWorkerText(shell));
  return ExitCode.done;
}

/** What is asked for waits at the engine, which nobody sees. */
export const noWorkerText = (shell: Pick<Shell, 'command'>): string =>
  `no worker runs yet, and nothing moves without one: ${shell.command('up')} or ${shell.command('worker')}`;
