import type { Nightshift } from '../client/nightshift.js';
import type { WideSelection } from '../client/retry-all.js';
import { UsageError } from '../contract/errors.js';
import { scopeText, type HoldScope } from '../contract/holds.js';
import { selectionText } from '../contract/job-selection.js';
import { plural } from '../report/format.js';
import { batchOf } from './batch-document.js';
import { noWorkerText } from './detached.js';
import { ExitCode } from './exit-codes.js';
import type { RetryFlags } from './retry.js';
import { alsoLines, retryLines } from './retry-list.js';
import { selectionOf } from './selection-flags.js';
import type { Shell } from './shell.js';

/** `nightshift retry --work W | --provider P | --all`: parked jobs of many batches, and what else is unfinished in them. It starts them, and watches none. */
export async function retryScope(scope: HoldScope, flags: RetryFlags, shell: Shell): Promise<ExitCode> {
  if (flags.job !== undefined) throw new UsageError('--job goes with the name of its batch');
  if (flags.rate !== undefined) throw new UsageError('--rate is of one batch: give its name');
  const { keys: _, ...selection } = selectionOf('', flags, shell);
  const nightshift = await shell.nightshift();
  if (flags.list) return list(scope, selection, shell, nightshift);

  const { out } = shell;
  const answers = await nightshift.retryAll(scope, selection, flags.reason);
  if (shell.flags.json) out.json({ batches: answers });
  else if (answers.length === 0) out.result(noneText(scope, selection));
  for (const { batch, retried, refused } of shell.flags.json ? [] : answers) {
    const jobs = retried?.keys.length ?? 0;
    const what =
      jobs === 0 ? NONE_PARKED : `${plural(jobs, 'job runs', 'jobs run')} again with a fresh budget`;
    out.result(`${batchOf(batch)}: ${refused ?? what}`);
    out.results(alsoLines(retried?.also ?? [], batchOf(batch)));
  }
  const isStarted = answers.some(({ retried }) => retried !== undefined);
  if (isStarted && !(await nightshift.isWorkerAlive())) out.note(noWorkerText(shell));
  return answers.some(({ refused }) => refused !== undefined) ? ExitCode.incomplete : ExitCode.done;
}

const NONE_PARKED = 'no job of it is parked';

function noneText(scope: HoldScope, selection: WideSelection): string {
  const meant = selectionText(selection);
  return meant === undefined
    ? `${scopeText(scope)}: no job is parked, and none is unfinished in a batch that has ended`
    : `${scopeText(scope)}: no parked job is meant by: ${meant}`;
}

async function list(
  scope: HoldScope,
  selection: WideSelection,
  { out, flags }: Shell,
  nightshift: Nightshift,
): Promise<ExitCode> {
  const found = await nightshift.toRetryAll(scope, selection);
  if (flags.json) {
    out.json({
      batches: found.map(({ batch, jobs, also }) => ({ batch: batch.id, count: jobs.length, jobs, also })),
    });
    return ExitCode.done;
  }
  if (found.length === 0) out.result(noneText(scope, selection));
  for (const { batch, jobs, also } of found) {
    out.result(
      jobs.length === 0
        ? `${batch.name}: ${NONE_PARKED}; nothing was changed`
        : `${plural(jobs.length, 'job')} of ${batch.name} would run again with a fresh budget; nothing was changed`,
    );
    out.results([...alsoLines(also, batch.name, true), ...retryLines(jobs)]);
  }
  return ExitCode.done;
}
