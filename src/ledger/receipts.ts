import type { ReceiptRow } from './ledger.js';
import { isMemberOf } from './members.js';
import { identityOf, receiptOf } from './rows.js';
import type { Db } from './store.js';

/** Receipts, each with what it is for. Of a batch: those of all jobs it names, whoever landed them. */
export const receiptsOf = (db: Db, batchId: string | undefined) =>
  db
    .selectFrom('receipts as r')
    .innerJoin('effects as e', 'e.effect_key', 'r.effect_key')
    .innerJoin('jobs as j', (join) =>
      join.onRef('j.work', '=', 'r.work').onRef('j.job_key', '=', 'r.job_key'),
    )
    .select(['r.effect_key', 'r.revision', 'r.id', 'r.url', 'r.sha256', 'r.landed_at', 'r.adopted'])
    .select(['r.decided_by', 'r.signature', 'r.signed_by', 'r.batch_id'])
    .select(['r.work', 'r.job_key', 'j.identity', 'e.name', 'e.target', 'e.use', 'e.undoes'])
    .$if(batchId !== undefined, (query) => query.where(isMemberOf(db, batchId ?? '', 'r')));

type Row = Awaited<ReturnType<ReturnType<typeof receiptsOf>['execute']>>[number];

export const receiptRow = (row: Row): ReceiptRow => ({
  ...receiptOf(row),
  work: row.work,
  jobKey: row.job_key,
  identity: identityOf(row.identity),
  name: row.name,
  target: row.target,
  use: row.use,
  batchId: row.batch_id,
  ...(row.undoes !== null && { undoes: row.undoes }),
  ...(row.decided_by !== null && { decidedBy: row.decided_by }),
  ...(row.signature !== null && { signature: row.signature }),
  ...(row.signed_by !== null && { signedBy: row.signed_by }),
});
