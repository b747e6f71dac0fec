import type { Ledger } from './ledger.js';
import { membersOf } from './members.js';
import { identityOf, receiptOf } from './rows.js';
import { headOf, type Store } from './store.js';

type Reading = Pick<Ledger, 'head' | 'receipts' | 'history'>;

export const reading = (store: Store): Reading => ({
  head: () => headOf(store.db),

  /** Oldest first; of a batch: those of all jobs it names, whoever landed them. */
  async receipts({ batchId, work, jobKey }) {
    const rows = await store.db
      .selectFrom('receipts as r')
      .innerJoin('effects as e', 'e.effect_key', 'r.effect_key')
      .innerJoin('jobs as j', (join) =>
        join.onRef('j.work', '=', 'r.work').onRef('j.job_key', '=', 'r.job_key'),
      )
      .select(['r.effect_key', 'r.revision', 'r.id', 'r.url', 'r.sha256', 'r.landed_at', 'r.adopted'])
      .select(['r.work', 'r.job_key', 'j.identity', 'e.name', 'e.target', 'e.use'])
      .$if(work !== undefined, (query) => query.where('r.work', '=', work ?? ''))
      .$if(jobKey !== undefined, (query) => query.where('r.job_key', '=', jobKey ?? ''))
      .$if(batchId !== undefined, (query) =>
        query.where((eb) =>
          eb(
            eb.refTuple('r.work', 'r.job_key'),
            'in',
            membersOf(store.db, batchId ?? '')
              .select(['m.work', 'm.job_key'])
              .$asTuple('work', 'job_key'),
          ),
        ),
      )
      .orderBy('r.recorded_seq')
      .execute();
    return rows.map((row) => ({
      ...receiptOf(row),
      work: row.work,
      jobKey: row.job_key,
      identity: identityOf(row.identity),
      name: row.name,
      target: row.target,
      use: row.use,
    }));
  },

  async history({ batchId, work, jobKey, limit }) {
    const rows = await store.db
      .selectFrom('history')
      .selectAll()
      .$if(batchId !== undefined, (query) => query.where('batch_id', '=', batchId ?? ''))
      .$if(work !== undefined, (query) => query.where('work', '=', work ?? ''))
      .$if(jobKey !== undefined, (query) => query.where('job_key', '=', jobKey ?? ''))
      .orderBy('seq', 'desc')
      .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
      .execute();
    return rows.reverse().map((row) => ({
      seq: row.seq,
      at: row.at,
      kind: row.kind,
      subject: row.subject,
      from: row.from_state ?? undefined,
      to: row.to_state,
      by: row.written_by,
      detail: row.detail ?? undefined,
    }));
  },
});
