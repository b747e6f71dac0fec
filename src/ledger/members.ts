import { sql } from 'kysely';
import type { JobState } from '../contract/states.js';
import type { Db } from './store.js';

/** The jobs that a batch names (`m`), each with what the ledger knows of it (`j`, all null when nothing). */
export const membersOf = (db: Db, batchId: string) =>
  db
    .selectFrom('batch_jobs as m')
    .leftJoin('jobs as j', (join) => join.onRef('j.work', '=', 'm.work').onRef('j.job_key', '=', 'm.job_key'))
    .where('m.batch_id', '=', batchId);

/** State of a member as people see it: a conflict is held in this batch, whatever another batch did to the job. */
export const memberState = sql<JobState>`case
  when ${sql.ref('m.verdict')} = 'conflict' then 'held'
  else coalesce(${sql.ref('j.state')}, 'waiting') end`;
