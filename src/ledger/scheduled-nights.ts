import type { Selectable } from 'kysely';
import { UNDER_WAY } from '../contract/states.js';
import type { Ledger, NightRow } from './ledger.js';
import type { ScheduledNightsTable } from './schema.js';
import type { Store } from './store.js';
import { batchRow } from './batches.js';

type ScheduledNights = Pick<Ledger, 'recordNight' | 'scheduledNights' | 'openBatchesNamed'>;

export const scheduledNights = (store: Store): ScheduledNights => ({
  recordNight: ({ schedule, night, dueAt, edition, outcome, why, by, batchId, runId }) =>
    store.write(async (db) => {
      await db
        .insertInto('scheduled_nights')
        .values({
          at: store.now(),
          schedule,
          night,
          due_at: dueAt,
          edition,
          outcome,
          why,
          requested_by: by,
          batch_id: batchId ?? null,
          run_id: runId,
        })
        .onConflict((conflict) => conflict.columns(['schedule', 'night', 'run_id', 'outcome']).doNothing())
        .execute();
    }),

  async scheduledNights({ schedule, night, batchId, since, limit } = {}) {
    const rows = await store.db
      .selectFrom('scheduled_nights')
      .selectAll()
      .$if(schedule !== undefined, (query) => query.where('schedule', '=', schedule ?? ''))
      .$if(night !== undefined, (query) => query.where('night', '=', night ?? ''))
      .$if(batchId !== undefined, (query) => query.where('batch_id', '=', batchId ?? ''))
      .$if(since !== undefined, (query) => query.where('due_at', '>=', since ?? ''))
      .orderBy('seq', 'desc')
      .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
      .execute();
    return rows.reverse().map(nightRow);
  },

  async openBatchesNamed(name) {
    const rows = await store.db
      .selectFrom('batches')
      .selectAll()
      .where('name', '=', name)
      .where('state', 'in', UNDER_WAY)
      .orderBy('opened_seq', 'desc')
      .execute();
    return rows.map(batchRow);
  },
});

const nightRow = (row: Selectable<ScheduledNightsTable>): NightRow => ({
  seq: row.seq,
  at: row.at,
  schedule: row.schedule,
  night: row.night,
  dueAt: row.due_at,
  edition: row.edition,
  outcome: row.outcome,
  why: row.why,
  by: row.requested_by,
  batchId: row.batch_id ?? undefined,
  runId: row.run_id,
});
