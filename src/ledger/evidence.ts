import type { EvidenceSink, Ledger } from './ledger.js';
import { receiptRow, receiptsOf } from './receipts.js';
import { historyOf } from './rows.js';
import { headOf, type Db, type Store } from './store.js';

type Evidence = Pick<Ledger, 'evidence'>;
type Filter = Parameters<Ledger['evidence']>[0];

/** Rows handed over at once: about half a megabyte. */
const PAGE = 1000;

/** One transaction for all of it: what is counted at the beginning is what is handed over. */
export const evidence = (store: Store): Evidence => ({
  evidence: (filter, sink) => store.readOnce((db) => handOver(db, filter, sink)),
});

async function handOver(db: Db, filter: Filter, sink: EvidenceSink): Promise<void> {
  const head = await headOf(db);
  const counts = await countReceipts(db, filter.batchId);
  const history = filter.history === true ? await countHistory(db, filter.batchId, head) : 0;
  const keys = await db
    .selectFrom('signing_keys')
    .select(['key_id', 'public_key'])
    .orderBy('key_id')
    .execute();
  await sink.begin({
    ...counts,
    history,
    keys: Object.fromEntries(keys.map(({ key_id, public_key }) => [key_id, public_key])),
  });
  await pageReceipts(db, filter.batchId, sink);
  if (filter.history === true) await pageHistory(db, filter.batchId, head, sink);
}

async function countReceipts(
  db: Db,
  batchId: string | undefined,
): Promise<{ receipts: number; unsigned: number }> {
  const { receipts, signed } = await db
    .selectFrom(receiptsOf(db, batchId).as('all'))
    .select(({ fn }) => [fn.countAll<number>().as('receipts'), fn.count<number>('signature').as('signed')])
    .executeTakeFirstOrThrow();
  return { receipts: Number(receipts), unsigned: Number(receipts) - Number(signed) };
}

async function pageReceipts(db: Db, batchId: string | undefined, sink: EvidenceSink): Promise<void> {
  let after = { seq: -1, effectKey: '', revision: 0 };
  for (;;) {
    const rows = await receiptsOf(db, batchId)
      .select(['r.recorded_at', 'r.recorded_seq'])
      .where((eb) =>
        eb(
          eb.refTuple('r.recorded_seq', 'r.effect_key', 'r.revision'),
          '>',
          eb.tuple(after.seq, after.effectKey, after.revision),
        ),
      )
      .orderBy('r.recorded_seq')
      .orderBy('r.effect_key')
      .orderBy('r.revision')
      .limit(PAGE)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) return;
    await sink.receipts(rows.map((row) => ({ ...receiptRow(row), recordedAt: row.recorded_at })));
    after = { seq: last.recorded_seq, effectKey: last.effect_key, revision: last.revision };
  }
}

const historyUpTo = (db: Db, batchId: string | undefined, head: number) =>
  db
    .selectFrom('history')
    .where('seq', '<=', head)
    .$if(batchId !== undefined, (query) => query.where('batch_id', '=', batchId ?? ''));

async function countHistory(db: Db, batchId: string | undefined, head: number): Promise<number> {
  const { rows } = await historyUpTo(db, batchId, head)
    .select(({ fn }) => fn.countAll<number>().as('rows'))
    .executeTakeFirstOrThrow();
  return Number(rows);
}

async function pageHistory(
  db: Db,
  batchId: string | undefined,
  head: number,
  sink: EvidenceSink,
): Promise<void> {
  let after = 0;
  for (;;) {
    const rows = await historyUpTo(db, batchId, head)
      .selectAll()
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(PAGE)
      .execute();
    const last = rows.at(-1);
    if (last === undefined) return;
    await sink.history(rows.map(historyOf));
    after = last.seq;
  }
}
