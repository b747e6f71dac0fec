import { isFinished } from '../contract/states.js';
import type { Discard, JobId } from './ledger.js';
import type { JobsTable } from './schema.js';
import type { Db } from './store.js';

/** Decisions of people that stand: not taken back. Whether one holds for a job also depends on its revision. */
export const discarded = (db: Db, work: string, keys: readonly string[]) =>
  db
    .selectFrom('discards')
    .select(['job_key', 'revision', 'discarded_by', 'discarded_at', 'reason'])
    .where('work', '=', work)
    .where('job_key', 'in', keys)
    .where('undone_at', 'is', null);

/** Whether a decision that stands is about a job as it is now; `decisionHolds` says the same in SQL. */
export const holdsFor = (
  discard: { readonly revision: number },
  job: Pick<JobsTable, 'state' | 'revision'>,
): boolean => discard.revision >= job.revision && !isFinished(job.state);

/** The decision that holds for a job. */
export async function discardFor(
  db: Db,
  job: Pick<JobsTable, 'work' | 'job_key' | 'state' | 'revision'>,
): Promise<Discard | undefined> {
  const row = await discarded(db, job.work, [job.job_key]).executeTakeFirst();
  return row && holdsFor(row, job) ? discardOf(row).discarded : undefined;
}

/** Taken back, by whoever gives the job a new try or decides anew. */
export async function endDiscard(
  db: Db,
  { work, jobKey }: JobId,
  { at, by }: { readonly at: string; readonly by: string },
): Promise<void> {
  await db
    .updateTable('discards')
    .set({ undone_at: at, undone_by: by })
    .where('work', '=', work)
    .where('job_key', '=', jobKey)
    .where('undone_at', 'is', null)
    .execute();
}

/** Nothing where there is none. */
export function discardOf(row: {
  readonly discarded_by: string | null;
  readonly discarded_at: string | null;
  readonly reason: string | null;
}): { readonly discarded?: Discard } {
  const { discarded_by: by, discarded_at: at, reason } = row;
  return by === null || at === null ? {} : { discarded: { by, at, reason: reason ?? '' } };
}
