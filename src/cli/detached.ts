import type { Nightshift, Started, WontDo } from '../client/nightshift.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/**
 * Leaves a started batch to itself; says what it needs to get on, and how to come back to it.
 * @param more what the JSON document has besides
 */
export async function detached(
  started: Started,
  nightshift: Nightshift,
  shell: Shell,
  more: Readonly<Record<string, unknown>> = {},
): Promise<ExitCode> {
  const { how, name, key, workflowId, runId, earlier } = started;
  const { out } = shell;
  const worker = await nightshift.isWorkerAlive();
  if (shell.flags.json) out.json({ batch: { name, key, workflowId, runId }, how, worker, earlier, ...more });
  else {
    const named = await nightshift.wordsFor(workflowId);
    out.result(`${name} goes on by itself; watch it: ${shell.command('watch', ...named)}`);
  }
  if (!worker) out.note(noWorkerText(shell));
  return ExitCode.done;
}

const IN_ITS_WAY: Readonly<Record<WontDo, string>> = {
  'other-contents': 'was started from other contents; of yours only the budget counts',
  'being-cancelled': 'is being cancelled',
};

/** A run under way will not do the batch, and nobody would be left to start it when that one has ended. */
export function notStarted(
  { how, name, key, workflowId, runId }: Started,
  because: WontDo,
  { out, flags }: Pick<Shell, 'out' | 'flags'>,
): ExitCode {
  if (flags.json) out.json({ batch: { name, key, workflowId, runId }, how, notStarted: because });
  else {
    out.result(`not started: the run of ${name} under way (run id ${runId}) ${IN_ITS_WAY[because]}`);
    out.note('start it when that run has ended, or without --detach, which waits for that');
  }
  return ExitCode.tryAgainLater;
}

/** What is asked for waits at the engine, which nobody sees. */
export const noWorkerText = (shell: Pick<Shell, 'command'>): string =>
  `no worker runs yet, and nothing moves without one: ${shell.command('up')} or ${shell.command('worker')}`;
