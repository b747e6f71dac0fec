import type { CancelState } from '../client/nightshift.js';
import { scopeText, scopeWords, type HoldScope } from '../contract/holds.js';
import { plural } from '../report/format.js';
import { yellow, type Line } from '../report/line.js';
import { unfinishedLines } from '../report/unfinished-jobs.js';
import { batchOf } from './batch-document.js';
import { control } from './control.js';
import { ExitCode } from './exit-codes.js';
import { noneUnderWay, scopeOf, type HoldFlags } from './hold-flags.js';
import type { Shell } from './shell.js';

export type CancelFlags = Omit<HoldFlags, 'level'>;

/**
 * `nightshift cancel NAME | --work W | --provider P | --all`: ends batches under way. Sessions are cancelled, effects under
 * way finish, what is done stays done.
 */
export async function cancel(name: string | undefined, flags: CancelFlags, shell: Shell): Promise<ExitCode> {
  const scope = scopeOf(name, flags);
  return scope.kind === 'batch' ? cancelBatch(scope.name, flags, shell) : cancelScope(scope, flags, shell);
}

async function cancelScope(scope: HoldScope, { reason }: CancelFlags, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const batches = await (await shell.nightshift()).cancelAll(scope, reason);
  const code = batches.some(({ mayRunOn }) => mayRunOn.length > 0) ? ExitCode.incomplete : ExitCode.done;
  if (shell.flags.json) {
    out.json({ batches });
    return code;
  }
  for (const { batch, answer, mayRunOn } of batches) {
    out.result(`${batchOf(batch)}: ${answer === 'ended' ? 'was not under way any more' : 'cancelled'}`);
    out.results(mayRunOnLines(mayRunOn));
  }
  const count = batches.filter(({ answer }) => answer !== 'ended').length;
  if (count === 0) {
    out.result(`${scopeText(scope)}: ${noneUnderWay(scope)}, nothing to cancel`);
    return ExitCode.done;
  }
  const what = plural(count, 'batch', 'batches');
  out.result(`${scopeText(scope)}: ${what} cancelled; what is done stays done`);
  out.result(`hold what starts later, too: ${shell.command('pause', ...scopeWords(scope))}`);
  return code;
}

const cancelBatch = (name: string, { reason }: CancelFlags, shell: Shell): Promise<ExitCode> =>
  control(name, { ...(reason !== undefined && { reason }) }, shell, {
    ask: (nightshift, nameOrId, why) => nightshift.cancel(nameOrId, why),
    say: (batch, answer, { named, from }) =>
      answer.kind === 'ended'
        ? `${batch}: not under way, nothing to cancel`
        : `${batch}: cancelled; what is done stays done. Go on later with: ${shell.commandsFor(named, from).run}`,
    left: ({ mayRunOn }) => mayRunOnLines(mayRunOn),
  });

const SHOWN_MAX = 10;

/** What the service of a cancelled session was not brought to end. */
function mayRunOnLines(jobs: CancelState['mayRunOn']): Line[] {
  if (jobs.length === 0) return [];
  const what = plural(jobs.length, 'job has a session', 'jobs have sessions');
  return [[yellow(`${what} that could not be ended, and may run on:`)], ...unfinishedLines(jobs, SHOWN_MAX)];
}
