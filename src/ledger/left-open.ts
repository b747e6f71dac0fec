import { sql, type SqlBool } from 'kysely';
import type { Db } from './store.js';

/**
 * Sessions of a batch that ran, and that nobody goes on with: what kept them from being collected stopped their job, and
 * a retry will collect them. What they cost is told by none yet, which is not nothing.
 * @param since sequence of the ledger: begun or taken up after it
 */
export const leftOpen = (db: Db, batchId: string, since = 0) =>
  db
    .selectFrom('sessions as s')
    .innerJoin('jobs as j', (join) =>
      join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
    )
    .where('s.ended_at', 'is', null)
    .where('s.started_seq', 'is not', null)
    .where('s.handle', 'not like', '%"phase":"prepared"%')
    .where('j.state', '<>', 'running')
    .where(sql<SqlBool>`coalesce(s.attached_batch_id, s.batch_id) = ${batchId}`)
    .where(sql<SqlBool>`coalesce(s.attached_seq, s.intent_seq) > ${since}`);
