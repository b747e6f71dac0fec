import { earlierArtifacts } from './earlier-artifacts.js';
import type { Ledger } from './ledger.js';
import { receiptRow, receiptsOf } from './receipts.js';
import { historyOf } from './rows.js';
import { headOf, type Store } from './store.js';

type Reading = Pick<Ledger, 'head' | 'contents' | 'receipts' | 'history' | 'earlierArtifacts'>;

export const reading = (store: Store): Reading => ({
  head: () => headOf(store.db),

  contents: () =>
    store.read(async (db) => {
      const countOf = async (table: 'jobs' | 'receipts') =>
        (
          await db
            .selectFrom(table)
            .select(({ fn }) => fn.countAll<number>().as('rows'))
            .executeTakeFirstOrThrow()
        ).rows;
      const newest = await db.selectFrom('history').select('at').orderBy('seq', 'desc').limit(1).execute();
      return { jobs: await countOf('jobs'), receipts: await countOf('receipts'), newestAt: newest[0]?.at };
    }),

  earlierArtifacts: (job, limit) => earlierArtifacts(store.db, job, limit),

  /** Oldest first; of a batch: those of all jobs it names, whoever landed them. */
  async receipts({ batchId, work, jobKey }) {
    const rows = await receiptsOf(store.db, batchId)
      .$if(work !== undefined, (query) => query.where('r.work', '=', work ?? ''))
      .$if(jobKey !== undefined, (query) => query.where('r.job_key', '=', jobKey ?? ''))
      .orderBy('r.recorded_seq')
      .execute();
    return rows.map(receiptRow);
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
    return rows.reverse().map(historyOf);
  },
});
