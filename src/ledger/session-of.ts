import type { Ledger } from './ledger.js';
import { decisionHolds } from './members.js';
import type { Store } from './store.js';

type SessionOf = Pick<Ledger, 'sessionOf'>;

export const sessionOf = (store: Store): SessionOf => ({
  async sessionOf({ runKey, attempt }) {
    const row = await store.db
      .selectFrom('sessions as s')
      .innerJoin('jobs as j', (join) =>
        join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
      )
      .leftJoin('discards as d', (join) => join.on(decisionHolds))
      .select('d.discarded_at')
      .select(['s.state', 's.handle', 's.work', 's.job_key', 's.ended_at', 'j.state as job_state'])
      .where('s.run_key', '=', runKey)
      .where('s.attempt', '=', attempt)
      .executeTakeFirst();
    return (
      row && {
        state: row.state,
        jobState: row.job_state,
        ...(row.discarded_at !== null && { discarded: true as const }),
        endedAt: row.ended_at ?? undefined,
        work: row.work,
        jobKey: row.job_key,
        handle: row.handle === null ? undefined : (JSON.parse(row.handle) as unknown),
      }
    );
  },
});
