import type { NotNull } from 'kysely';
import type { RequestedJobs } from '../contract/job-selection.js';
import { reopen } from './approvals.js';
import { endDiscard } from './discarded.js';
import { moveJob, type Written } from './job-state.js';
import { lastArtifact, lastArtifactOf } from './last-artifact.js';
import type { Ledger, StoppedJob } from './ledger.js';
import { membersOf } from './members.js';
import { JOBS_PER_WRITE, identityOf, inChunks } from './rows.js';
import type { Db, Store } from './store.js';

type Stopped = Pick<Ledger, 'stopped' | 'requeue'>;

/** Jobs that wait for a person. One query decides which of them are meant, for those who look and those who requeue. */
export const stopped = (store: Store): Stopped => ({
  async stopped(batchId, selection = {}) {
    const rows = await store.read((db) => stoppedJobs(db, batchId, selection));
    return rows.map((row): StoppedJob => ({
      key: row.job_key,
      identity: identityOf(row.identity),
      state: row.discard === null ? row.state : 'discarded',
      ...(row.error_class !== null && {
        error: { class: row.error_class, message: row.error_message ?? '' },
      }),
      ...lastArtifactOf(row),
    }));
  },

  async requeue(batchId, by, selection = {}) {
    const meant = await store.read((db) => stoppedJobs(db, batchId, selection));
    const requeued: string[] = [];
    for (const chunk of inChunks(meant, JOBS_PER_WRITE)) {
      const among = chunk.map((job) => job.job_key);
      const done = await store.write(async (db) => {
        // Looked up again: another request may have been faster.
        const still = await stoppedJobs(db, batchId, selection, among);
        await putBack(db, still, { at: store.now(), by });
        return still;
      });
      requeued.push(...done.map((job) => job.job_key));
    }
    return requeued;
  },
});

/**
 * In the order of the batch. Without keys: the parked. With keys: those of them that are parked, held or discarded.
 * Conflicts stay what they are, and with `asOf` so does what has moved since: it has had its new try, or its decision.
 * @param among  looks at these alone
 */
export async function stoppedJobs(
  db: Db,
  batchId: string,
  { keys, errors, first, asOf, alsoDiscarded = asOf === undefined }: RequestedJobs,
  among?: readonly string[],
) {
  const rows = await membersOf(db, batchId)
    .select(['m.identity', 'm.work', 'm.job_key', 'j.state', 'j.active_since', 'j.last_attempt'])
    .select(['j.error_class', 'j.error_message', 'd.seq as discard'])
    .select(lastArtifact.as('last_artifact'))
    .where('m.verdict', '<>', 'conflict')
    .where((eb) =>
      keys === undefined
        ? eb.and([eb('j.state', '=', 'parked'), eb('d.seq', 'is', null)])
        : eb.or([eb('j.state', 'in', ['parked', 'held']), eb('d.seq', 'is not', null)]),
    )
    .$narrowType<{ state: NotNull; last_attempt: NotNull }>()
    .$if(errors !== undefined, (query) => query.where('j.error_class', 'in', errors ?? []))
    .$if(!alsoDiscarded, (query) => query.where('d.seq', 'is', null))
    .$if(asOf !== undefined, (query) =>
      query.where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('history as h')
              .select('h.seq')
              .whereRef('h.work', '=', 'm.work')
              .whereRef('h.job_key', '=', 'm.job_key')
              .where('h.kind', '=', 'job')
              .where('h.seq', '>', asOf ?? 0),
          ),
        ),
      ),
    )
    .$if(among !== undefined, (query) => query.where('j.job_key', 'in', among ?? []))
    .orderBy('m.position')
    .execute();
  const named = keys && new Set(keys);
  return rows.filter((job) => named === undefined || named.has(job.job_key)).slice(0, first);
}

/** Their new try begins with a fresh budget. */
export async function putBack(
  db: Db,
  jobs: Awaited<ReturnType<typeof stoppedJobs>>,
  written: Written,
): Promise<void> {
  for (const job of jobs) {
    await endDiscard(db, { work: job.work, jobKey: job.job_key }, written);
    await moveJob(db, job, { state: 'waiting' }, written);
    await reopen(db, job, written);
    await db
      .updateTable('jobs')
      .set({ budget_from_attempt: job.last_attempt + 1 })
      .where('work', '=', job.work)
      .where('job_key', '=', job.job_key)
      .execute();
  }
}
