import { sql, type SqlBool } from 'kysely';
import { FINISHED, type ShownJobState } from '../contract/states.js';
import type { Db } from './store.js';

/** Whether a person's decision (`d`) stands, and is about the job (`j`) as it is now; `holdsFor` says the same of rows. */
export const decisionHolds = sql<SqlBool>`(${sql.ref('d.work')} = ${sql.ref('j.work')}
  and ${sql.ref('d.job_key')} = ${sql.ref('j.job_key')}
  and ${sql.ref('d.undone_at')} is null
  and ${sql.ref('d.revision')} >= ${sql.ref('j.revision')}
  and ${sql.ref('j.state')} not in (${sql.join(FINISHED)}))`;

/**
 * The jobs that a batch names (`m`), each with what the ledger knows of it (`j`, all null when nothing) and with a
 * person's decision that it will not be done (`d`, all null when there is none).
 */
export const membersOf = (db: Db, batchId: string) =>
  db
    .selectFrom('batch_jobs as m')
    .leftJoin('jobs as j', (join) => join.onRef('j.work', '=', 'm.work').onRef('j.job_key', '=', 'm.job_key'))
    .leftJoin('discards as d', (join) => join.on(decisionHolds))
    .where('m.batch_id', '=', batchId);

/** Whether a row of `alias` is of a job that the batch names. */
export const isMemberOf = (db: Db, batchId: string, alias: 'a' | 'e' | 'r') =>
  sql<SqlBool>`(${sql.ref(`${alias}.work`)}, ${sql.ref(`${alias}.job_key`)}) in ${membersOf(db, batchId).select(['m.work', 'm.job_key'])}`;

/** State of a member as people see it: a conflict is held in this batch, whatever another batch did to the job. */
export const memberState = sql<ShownJobState>`case
  when ${sql.ref('d.seq')} is not null then 'discarded'
  when ${sql.ref('m.verdict')} = 'conflict' then 'held'
  else coalesce(${sql.ref('j.state')}, 'waiting') end`;
