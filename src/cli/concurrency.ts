import type { Answer, Widened } from '../client/nightshift.js';
import { UsageError } from '../contract/errors.js';
import { scopeText, type HoldScope } from '../contract/holds.js';
import { isConcurrency, type ControlState } from '../contract/messages.js';
import { batchOf } from './batch-document.js';
import { control } from './control.js';
import { ExitCode } from './exit-codes.js';
import { noneUnderWay, scopeOf, type HoldFlags } from './hold-flags.js';
import type { Shell } from './shell.js';

export type ConcurrencyFlags = Omit<HoldFlags, 'level'>;

/**
 * `nightshift concurrency NAME N`, or `N --work W | --provider P | --all`: so many jobs at once from now on, in each batch
 * that is meant. Jobs under way beyond it finish.
 * @param second absent where the first word is the number
 */
export async function concurrency(
  first: string | undefined,
  second: string | undefined,
  flags: ConcurrencyFlags,
  shell: Shell,
): Promise<ExitCode> {
  const [name, count = ''] = second === undefined ? [undefined, first] : [first, second];
  const wanted = Number(count);
  if (!isConcurrency(wanted)) {
    throw new UsageError(`the concurrency is a whole number from 1 to 500, not "${count}"`);
  }
  const scope = scopeOf(name, flags);
  return scope.kind === 'batch'
    ? ofBatch(scope.name, wanted, flags, shell)
    : ofScope(scope, wanted, flags, shell);
}

const ofBatch = (
  name: string,
  wanted: number,
  { reason }: ConcurrencyFlags,
  shell: Shell,
): Promise<ExitCode> =>
  control(name, { ...(reason !== undefined && { reason }) }, shell, {
    ask: (nightshift, nameOrId, why) => nightshift.setConcurrency(nameOrId, wanted, why),
    say: (batch, answer) => answerText(batch, answer, wanted, shell),
  });

async function ofScope(
  scope: HoldScope,
  wanted: number,
  { reason }: ConcurrencyFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out } = shell;
  const widened = await (await shell.nightshift()).setConcurrencyAll(scope, wanted, reason);
  if (shell.flags.json) out.json({ batches: widened.map(document) });
  else if (widened.length === 0) out.result(`${scopeText(scope)}: ${noneUnderWay(scope)}, nothing to change`);
  else for (const { batch, answer } of widened) out.result(answerText(batchOf(batch), answer, wanted, shell));
  return ExitCode.done;
}

const document = ({ batch, answer }: Widened) => ({
  batch,
  answer: answer.kind,
  ...(answer.kind === 'answered' && answer.state),
});

function answerText(batch: string, answer: Answer<ControlState>, wanted: number, shell: Shell): string {
  switch (answer.kind) {
    case 'answered':
      return `${batch}: ${answer.state.concurrency} at once, ${answer.state.inFlight} in progress`;
    case 'queued':
      return `${batch}: ${wanted} at once as soon as a worker runs: ${shell.command('up')} or ${shell.command('worker')}`;
    case 'ended':
      return `${batch}: not under way; its batch file says how many run at once next time (limits.concurrency)`;
  }
}
