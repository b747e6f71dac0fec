import type { JobSelection } from '../client/nightshift.js';
import { UsageError } from '../contract/errors.js';
import { selectionText } from '../contract/job-selection.js';
import { paceMsOf } from '../contract/rate.js';
import { duration, plural } from '../report/format.js';
import { detached } from './detached.js';
import { ExitCode } from './exit-codes.js';
import { follow } from './follow.js';
import { scopeOf } from './hold-flags.js';
import { alsoLines, byError, retryLines } from './retry-list.js';
import { retryScope } from './retry-scope.js';
import { selectionOf, type SelectionFlags } from './selection-flags.js';
import type { Shell } from './shell.js';

export interface RetryFlags extends SelectionFlags {
  readonly all?: boolean;
  readonly work?: string;
  readonly provider?: string;
  readonly list?: boolean;
  readonly rate?: string;
  readonly detach?: boolean;
  readonly reason?: string;
}

/** `nightshift retry NAME`: parked jobs, or those of them that are meant, run again with a fresh budget. */
export async function retry(name: string | undefined, flags: RetryFlags, shell: Shell): Promise<ExitCode> {
  const { all: _, ...narrower } = flags; // beside a name it says which jobs of it: all that are parked
  const scope = scopeOf(name, name === undefined ? flags : narrower);
  return scope.kind === 'batch' ? retryBatch(scope.name, flags, shell) : retryScope(scope, flags, shell);
}

async function retryBatch(name: string, flags: RetryFlags, shell: Shell): Promise<ExitCode> {
  const { out } = shell;
  const selection = selectionOf(name, flags, shell);
  const narrowedBy = selectionText(selection);
  if (flags.all && narrowedBy !== undefined)
    throw new UsageError(`either --all, or what is meant of them (${narrowedBy}), not both`);
  if (flags.list) return list(name, selection, flags.rate, shell);
  const nightshift = await shell.nightshift();
  const { keys: requeued, also, started } = await nightshift.retry(name, selection, flags.reason, flags.rate);
  const left = selection.keys?.filter((key) => !requeued.includes(key)) ?? [];
  const isNarrower = selection.errors !== undefined || selection.first !== undefined;
  for (const key of left) {
    const why = isNarrower ? 'is not among what was asked for' : `is neither parked nor held in ${name}`;
    out.note(`${key} ${why}; left as it is`);
  }
  out.progress(
    requeued.length === 0
      ? noneText(name, selection)
      : `${plural(requeued.length, 'job runs', 'jobs run')} again with a fresh budget`,
  );
  for (const line of alsoLines(also, name)) out.progress(line);
  if (flags.detach && started.how !== 'already-completed')
    return detached(started, nightshift, shell, { also });
  return follow(started, nightshift, shell, { more: { also } });
}

/** What a retry would take. Changes nothing, and needs no engine. */
async function list(
  name: string,
  selection: JobSelection,
  rate: string | undefined,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const paceMs = rate === undefined ? 0 : paceMsOf(rate);
  const nightshift = await shell.nightshift();
  const jobs = await nightshift.toRetry(name, selection);
  const also = await nightshift.alsoRuns(name, selection);
  if (flags.json) {
    const errors = byError(jobs).map(({ class: errorClass, jobs: group }) => ({
      ...(errorClass !== undefined && { class: errorClass }),
      jobs: group.length,
    }));
    out.json({ batch: name, count: jobs.length, errors, jobs, also });
  } else {
    out.result(
      jobs.length === 0
        ? noneText(name, selection)
        : `${plural(jobs.length, 'job')} of ${name} would run again with a fresh budget${beginText(jobs.length, paceMs)}; nothing was changed`,
    );
    out.results([...alsoLines(also, name, true), ...retryLines(jobs)]);
  }
  return ExitCode.done;
}

/** Also of those that are unfinished otherwise: they begin with them. */
const beginText = (jobs: number, paceMs: number): string =>
  paceMs === 0 ? '' : `, the last of them after ${duration((jobs - 1) * paceMs)} at the soonest`;

function noneText(name: string, selection: JobSelection): string {
  const meant = selectionText(selection);
  return meant === undefined
    ? `no job of ${name} is parked`
    : `no parked job of ${name} is meant by: ${meant}`;
}
