import { NOTHING_USED, type AbandonedSession, type Ledger } from './ledger.js';
import { endSession } from './sessions.js';
import type { Store } from './store.js';

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
      const end = { state: 'lost', errorClass: 'lost', message, usage: NOTHING_USED } as const;
      await endSession(db, id, end, id.fence, store.now());
      // Spent when it ran, if at all: the budget of the day on which somebody cleans up has nothing to do with it.
      await db
        .updateTable('sessions')
        .set({ settled_at: open.opened_at })
        .where('run_key', '=', id.runKey)
        .where('attempt', '=', id.attempt)
        .execute();
      return true;
    }),
});
