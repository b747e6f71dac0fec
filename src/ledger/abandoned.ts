import { NOTHING_USED, type AbandonedSession, type JobId, type Ledger, type SessionId } from './ledger.js';
import { isPrepared } from './never-ran.js';
import { endSession } from './sessions.js';
import type { Db, Store } from './store.js';

/** Sessions that were opened, and that nobody may ever come back to. */
export const abandoned = (store: Store): Pick<Ledger, 'openSessions' | 'giveUpSession'> => ({
  openSessions: (before) =>
    store.read(async (db) => {
      const rows = await db
        .selectFrom('sessions as s')
        .innerJoin('jobs as j', (join) =>
          join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
        )
        .select(['s.run_key', 's.attempt', 's.work', 's.job_key', 's.provider', 's.opened_at'])
        .select(['s.reserved_micros', 's.currency', 'j.state as job_state', 'j.fence'])
        .where('s.ended_at', 'is', null)
        .where('s.opened_at', '<', before)
        .orderBy('s.opened_at')
        .execute();
      return rows.map((row): AbandonedSession => ({
        runKey: row.run_key,
        attempt: row.attempt,
        work: row.work,
        jobKey: row.job_key,
        provider: row.provider,
        openedAt: row.opened_at,
        reservedMicros: row.reserved_micros,
        currency: row.currency ?? '',
        jobState: row.job_state,
        fence: row.fence,
      }));
    }),

  giveUpSession: (id, message) =>
    store.write(async (db) => {
      const open = await db
        .selectFrom('sessions as s')
        .innerJoin('jobs as j', (join) =>
          join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
        )
        .select('s.opened_at')
        .where('s.run_key', '=', id.runKey)
        .where('s.attempt', '=', id.attempt)
        .where('s.ended_at', 'is', null)
        .where('j.fence', '=', id.fence)
        .executeTakeFirst();
      if (open === undefined) return false;
      await giveUp(db, id, open.opened_at, { fence: id.fence, message, at: store.now() });
      return true;
    }),
});

/** Ends the sessions that nobody will come back to, because a person has decided that their job will not be done. */
export async function giveUpSessionsOf(
  db: Db,
  { work, jobKey }: JobId,
  why: string,
  at: string,
): Promise<void> {
  const open = await db
    .selectFrom('sessions as s')
    .innerJoin('jobs as j', (join) =>
      join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
    )
    .select(['s.run_key', 's.attempt', 's.handle', 's.opened_at', 'j.fence'])
    .where('s.work', '=', work)
    .where('s.job_key', '=', jobKey)
    .where('s.ended_at', 'is', null)
    .execute();
  for (const { run_key: runKey, attempt, handle, opened_at, fence } of open) {
    const id = { runKey, attempt };
    if (isPrepared(handle)) {
      await endSession(db, id, { state: 'cancelled', message: why, usage: NOTHING_USED }, fence, at);
    } else {
      const message = `${why}; it may run on, and "nightshift doctor FILE --orphans" finds it where its service can list it`;
      await giveUp(db, id, opened_at, { fence, message, at });
    }
  }
}

/** Spent when it ran, if at all: the budget of the day on which somebody cleans up has nothing to do with it. */
async function giveUp(
  db: Db,
  id: SessionId,
  openedAt: string,
  { fence, message, at }: { readonly fence: number; readonly message: string; readonly at: string },
): Promise<void> {
  await endSession(db, id, { state: 'lost', errorClass: 'lost', message, usage: NOTHING_USED }, fence, at);
  await db
    .updateTable('sessions')
    .set({ settled_at: openedAt })
    .where('run_key', '=', id.runKey)
    .where('attempt', '=', id.attempt)
    .execute();
}
