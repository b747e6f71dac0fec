import { sql } from 'kysely';
import type { ShownJobState } from '../contract/states.js';
import { FINISHED } from './job-state.js';
import type { Db } from './store.js';

/**
 * The jobs that a batch names (`m`), each with what the ledger knows of it (`j`, all null when nothing) and with a
 * person's decision that it will not be done (`d`, all null when there is none).
 */
export const membersOf = (db: Db, batchId: string) =>
  db
    .selectFrom('batch_jobs as m')
    .leftJoin('jobs as j', (join) => join.onRef('j.work', '=', 'm.work').onRef('j.job_key', '=', 'm.job_key'))
    .leftJoin('discards as d', (join) =>
      join
        .onRef('d.work', '=', 'j.work')
        .onRef('d.job_key', '=', 'j.job_key')
        .on('d.undone_at', 'is', null)
        .onRef('d.revision', '>=', 'j.revision')
        .on('j.state', 'not in', FINISHED),
    )
    .where('m.batch_id', '=', batchId);

/** State of a member as people see it: a conflict is held in this batch, whatever another batch did to the job. */
export const memberState = sql<ShownJobState>`case
  when ${sql.ref('d.seq')} is not null then 'discarded'
  when ${sql.ref('m.verdict')} = 'conflict' then 'held'
  else coalesce(${sql.ref('j.state')}, 'waiting') end`;
