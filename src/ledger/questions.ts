import type { OpenQuestion } from './ledger.js';
import { isMemberOf } from './members.js';
import { identityOf } from './rows.js';
import type { Db } from './store.js';

/** Effects whose outcome is not known, and which no look-up has settled. */
export const inDoubt = (db: Db) =>
  db
    .selectFrom('effects as e')
    .where((eb) =>
      eb.or([
        eb('e.state', '=', 'unknown'),
        eb.and([eb('e.state', '=', 'held'), eb('e.error_class', '=', 'unknown')]),
      ]),
    );

export async function openQuestions(db: Db, batchId: string | undefined): Promise<readonly OpenQuestion[]> {
  const rows = await inDoubt(db)
    .innerJoin('jobs as j', (join) =>
      join.onRef('j.work', '=', 'e.work').onRef('j.job_key', '=', 'e.job_key'),
    )
    .selectAll('e')
    .select(['j.identity', 'j.state as job_state'])
    .$if(batchId !== undefined, (query) => query.where(isMemberOf(db, batchId ?? '', 'e')))
    .orderBy('e.first_sent_at')
    .orderBy('e.effect_key')
    .execute();
  return rows.map((row) => ({
    work: row.work,
    jobKey: row.job_key,
    identity: identityOf(row.identity),
    effectKey: row.effect_key,
    name: row.name,
    target: row.target,
    use: row.use,
    revision: row.revision,
    ...(row.undoes !== null && { undoes: row.undoes }),
    state: row.state,
    jobState: row.job_state,
    batchId: row.batch_id,
    firstSentAt: row.first_sent_at ?? undefined,
    lastSentAt: row.last_sent_at ?? undefined,
    attempts: row.attempts,
    message: row.error_message ?? '',
  }));
}
