import type { Ledger, NewRequest, RequestRow } from './ledger.js';
import type { RequestsTable } from './schema.js';
import type { Db, Store } from './store.js';
import type { Selectable } from 'kysely';

type Audit = Pick<Ledger, 'recordRequest' | 'requests'>;

export const audit = (store: Store): Audit => ({
  recordRequest: (request, at) =>
    store.write(async (db) => {
      if (!(await isNoted(db, request, at))) await recordRequest(db, request, at ?? store.now());
    }),

  async requests({ batchId, batchName, batchKey, work, jobKey, what, since, limit } = {}) {
    const rows = await store.db
      .selectFrom('requests')
      .selectAll()
      .$if(batchId !== undefined, (query) => query.where('batch_id', '=', batchId ?? ''))
      .$if(batchName !== undefined, (query) => query.where('batch_name', '=', batchName ?? ''))
      .$if(batchKey !== undefined, (query) => query.where('batch_key', '=', batchKey ?? ''))
      .$if(work !== undefined, (query) => query.where('work', '=', work ?? ''))
      .$if(jobKey !== undefined, (query) => query.where('job_key', '=', jobKey ?? ''))
      .$if(what !== undefined, (query) => query.where('what', '=', what ?? 'start'))
      .$if(since !== undefined, (query) => query.where('at', '>=', since ?? ''))
      .orderBy('seq', 'desc')
      .$if(limit !== undefined, (query) => query.limit(limit ?? 0))
      .execute();
    return rows.reverse().map(requestRow);
  },
});

/** An Activity may run again after it has written; that a run was cancelled both it and whoever asked for it tell. */
async function isNoted(db: Db, request: NewRequest, at: string | undefined): Promise<boolean> {
  const { batch, runId, what, by, outcome, reason } = request;
  const endsRun = what === 'cancel' && outcome === 'answered' && runId !== undefined;
  if (at === undefined && !endsRun) return false;
  const row = await db
    .selectFrom('requests')
    .select('seq')
    .where('batch_id', '=', batch?.id ?? '')
    .where('run_id', '=', runId ?? '')
    .where('what', '=', what)
    .$if(!endsRun, (query) => query.where('at', '=', at ?? ''))
    .$if(endsRun, (query) =>
      query
        .where('requested_by', '=', by)
        .where('outcome', '=', outcome)
        .where('reason', reason === undefined ? 'is' : '=', reason ?? null),
    )
    .executeTakeFirst();
  return row !== undefined;
}

/** For those who write more in the same transaction. */
export async function recordRequest(db: Db, request: NewRequest, at: string): Promise<void> {
  const { by, what, outcome, reason, batch, work, jobKeys, runId } = request;
  const rows = (jobKeys?.length ? jobKeys : [null]).map((jobKey) => ({
    at,
    requested_by: by,
    what,
    outcome,
    reason: reason ?? null,
    batch_id: batch?.id ?? null,
    batch_name: batch?.name ?? null,
    batch_key: batch?.key ?? null,
    work: work ?? null,
    job_key: jobKey,
    run_id: runId ?? null,
  }));
  for (const row of rows) await db.insertInto('requests').values(row).execute();
}

export const requestRow = (row: Selectable<RequestsTable>): RequestRow => ({
  seq: row.seq,
  at: row.at,
  by: row.requested_by,
  what: row.what,
  outcome: row.outcome,
  reason: row.reason ?? undefined,
  batch:
    row.batch_id === null
      ? undefined
      : { id: row.batch_id, name: row.batch_name ?? '', key: row.batch_key ?? '' },
  work: row.work ?? undefined,
  jobKey: row.job_key ?? undefined,
  runId: row.run_id ?? undefined,
});
