import type { Selectable } from 'kysely';
import { DEFAULT_LEVEL } from '../contract/holds.js';
import { isUnderWay } from '../contract/states.js';
import type { BatchRow, Ledger, Member, OpenBatch } from './ledger.js';
import { membersOf, memberState } from './members.js';
import { JOBS_PER_WRITE, holdsText, identityOf, inChunks } from './rows.js';
import type { BatchesTable, BatchJobsTable } from './schema.js';
import { putBack, stoppedJobs } from './stopped-jobs.js';
import { headOf, type Db, type Store } from './store.js';
import { assertBatchMove } from './transitions.js';

/** Rows of one INSERT: 7 columns each, far below the number of parameters that both databases allow. */
const MEMBERS_PER_INSERT = 500;

const DEFAULT_LIMIT = 100;
/** Who leaves more nights unfinished is not told of each. */
const STUCK_MAX = 50;

type Batches = Pick<
  Ledger,
  | 'openBatch'
  | 'noteAsked'
  | 'setMembers'
  | 'setBatchState'
  | 'endPause'
  | 'batch'
  | 'latestBatch'
  | 'batches'
  | 'batchesNamed'
  | 'listedJobs'
  | 'namesakes'
  | 'stuckBatchesNamed'
>;

export const batches = (store: Store): Batches => ({
  openBatch: (batch, after, retry) =>
    store.write(async (db) => {
      const at = store.now();
      if (!(await openBatch(db, batch, at, after)) || retry === undefined) return;
      const keys = retry.keys.slice(0, JOBS_PER_WRITE);
      const meant = await stoppedJobs(db, batch.id, { ...retry, keys }, keys);
      await putBack(db, meant, { at, by: batch.by });
    }),

  noteAsked: (batchId, definition) =>
    store.write(async (db) => {
      const { numUpdatedRows } = await db
        .updateTable('batches')
        .set({ asked_definition: definition })
        .where('id', '=', batchId)
        .where((eb) => eb.or([eb('asked_definition', 'is', null), eb('asked_definition', '<>', definition)]))
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    }),

  setMembers: (batchId, members) => store.write((db) => setMembers(db, batchId, members)),

  setBatchState: (batchId, state, by, reason, level) =>
    store.write(async (db) => {
      const { state: present } = await db
        .selectFrom('batches')
        .select('state')
        .where('id', '=', batchId)
        .executeTakeFirstOrThrow(() => new Error(`the ledger has no batch ${batchId}`));
      if (present !== state) assertBatchMove(batchId, present, state);
      const at = store.now();
      const open = isUnderWay(state);
      await db
        .updateTable('batches')
        .set({ state, reason: reason ?? null, updated_at: at, updated_by: by, detail: reason ?? null })
        .set({ pause_level: state === 'paused' ? (level ?? DEFAULT_LEVEL) : null })
        .$if(present !== state, (query) => query.set({ closed_at: open ? null : at }))
        .where('id', '=', batchId)
        .execute();
    }),

  endPause: (seen, by, reason) =>
    store.write(async (db) => {
      const row = await db
        .selectFrom('batches')
        .selectAll()
        .where('id', '=', seen.id)
        .where('state', '=', 'paused')
        .executeTakeFirst();
      if (row === undefined || !isSamePause(batchRow(row), seen)) return false;
      await db
        .updateTable('batches')
        .set({ state: 'running', reason: reason ?? null, pause_level: null })
        .set({ updated_at: store.now(), updated_by: by, detail: reason ?? null })
        .where('id', '=', seen.id)
        .execute();
      return true;
    }),

  async batch(batchId) {
    const row = await withEdition(store.db).where('b.id', '=', batchId).executeTakeFirst();
    return row && batchRow(row);
  },

  async latestBatch(name, edition) {
    const [newest] = await newestFirst(store.db, 1, edition).where('b.name', '=', name).execute();
    return newest && batchRow(newest);
  },

  async batches(limit = DEFAULT_LIMIT, edition) {
    return (await newestFirst(store.db, limit, edition).execute()).map(batchRow);
  },

  async batchesNamed(name, { edition, states, limit }) {
    const rows = await newestFirst(store.db, limit, undefined)
      .where('b.name', '=', name)
      .$if(states !== undefined, (query) => query.where('b.state', 'in', states ?? []))
      .$if(edition !== undefined, (query) =>
        query.where((eb) => {
          const first = eb
            .selectFrom('batch_jobs as f')
            .select('f.position')
            .whereRef('f.batch_id', '=', 'b.id')
            .where('f.position', '=', 0);
          return eb.or([
            eb.not(eb.exists(first)),
            eb.exists(first.where(hasEdition('f.identity', edition ?? ''))),
          ]);
        }),
      )
      .execute();
    return rows.map(batchRow);
  },

  async listedJobs(batchId) {
    const rows = await membersOf(store.db, batchId)
      .select(['m.job_key', 'm.identity', memberState.as('state')])
      .orderBy('m.position')
      .execute();
    return rows.map((row) => ({ key: row.job_key, identity: identityOf(row.identity), state: row.state }));
  },

  async namesakes({ id, name, edition }) {
    // An edition is looked for in every job of a batch: not in all nights there ever were.
    const rows = newestFirst(store.db, edition === undefined ? 2 : 1, edition);
    const [newest, other] = await rows.where('b.name', '=', name).execute();
    if (newest !== undefined && newest.id !== id) return 'newer';
    return other === undefined ? 'none' : 'older';
  },

  async stuckBatchesNamed(name) {
    const rows = await withEdition(store.db)
      .where('b.name', '=', name)
      .where('b.state', 'in', ['running', 'paused', 'incomplete'])
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('batch_jobs as s')
            .leftJoin('jobs as j', (join) =>
              join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
            )
            .select('s.position')
            .whereRef('s.batch_id', '=', 'b.id')
            .where((or) =>
              or.or([or('s.verdict', '=', 'conflict'), or('j.state', 'in', ['parked', 'held', 'gated'])]),
            ),
        ),
      )
      .orderBy('b.opened_seq', 'desc')
      .limit(STUCK_MAX)
      .execute();
    return rows.map(batchRow);
  },
});

/** Each batch with the identity of its first job. */
const withEdition = (db: Db) =>
  db
    .selectFrom('batches as b')
    .selectAll('b')
    .select((eb) =>
      eb
        .selectFrom('batch_jobs as m')
        .select('m.identity')
        .whereRef('m.batch_id', '=', 'b.id')
        .orderBy('m.position')
        .limit(1)
        .as('first_identity'),
    );

/** @param edition only batches with a job of this edition */
const newestFirst = (db: Db, limit: number, edition: string | undefined) =>
  withEdition(db)
    .$if(edition !== undefined, (query) =>
      query.where((eb) =>
        eb.exists(
          eb
            .selectFrom('batch_jobs as n')
            .select('n.position')
            .whereRef('n.batch_id', '=', 'b.id')
            .where(hasEdition('n.identity', edition ?? '')),
        ),
      ),
    )
    .orderBy('b.opened_seq', 'desc')
    .limit(limit);

/** Quotes inside a value are escaped in JSON, so only the field itself fits. */
const hasEdition = (identity: string, edition: string) =>
  holdsText(identity, `"edition":${JSON.stringify(edition)}`);

async function openBatch(
  db: Db,
  batch: OpenBatch,
  at: string,
  after?: { readonly runId: string | undefined },
): Promise<boolean> {
  const known = await db.selectFrom('batches').select('run_id').where('id', '=', batch.id).executeTakeFirst();
  if (known?.run_id === batch.runId || (after && known?.run_id !== after.runId)) return false;
  const opened = {
    name: batch.name,
    batch_key: batch.key,
    work: batch.work,
    run_id: batch.runId,
    manifest: batch.manifest,
    jobs: batch.jobs,
    currency: batch.currency,
    batch_file: batch.file ?? null,
    state: 'running',
    reason: null,
    pause_level: null,
    opened_seq: await headOf(db),
    opened_at: at,
    opened_by: batch.by,
    closed_at: null,
    updated_at: at,
    updated_by: batch.by,
    detail: `run ${batch.runId}`,
  } as const;
  if (known === undefined) {
    await db
      .insertInto('batches')
      .values({ id: batch.id, ...opened })
      .execute();
  } else {
    await db.updateTable('batches').set(opened).where('id', '=', batch.id).execute();
  }
  return true;
}

async function setMembers(db: Db, batchId: string, members: readonly Member[]): Promise<void> {
  await db.deleteFrom('batch_jobs').where('batch_id', '=', batchId).execute();
  const rows = members.map((member, position): BatchJobsTable => ({
    batch_id: batchId,
    position,
    work: member.work,
    job_key: member.jobKey,
    identity: JSON.stringify(member.identity),
    verdict: member.verdict,
    note: member.note ?? null,
  }));
  for (const chunk of inChunks(rows, MEMBERS_PER_INSERT)) {
    await db.insertInto('batch_jobs').values(chunk).execute();
  }
}

const isSamePause = (row: BatchRow, seen: BatchRow): boolean =>
  row.runId === seen.runId &&
  row.stateBy === seen.stateBy &&
  row.reason === seen.reason &&
  row.pauseLevel === seen.pauseLevel;

export const batchRow = (
  row: Selectable<BatchesTable> & { readonly first_identity?: string | null },
): BatchRow => ({
  id: row.id,
  name: row.name,
  key: row.batch_key,
  work: row.work,
  runId: row.run_id,
  manifest: row.manifest,
  askedDefinition: row.asked_definition ?? undefined,
  file: row.batch_file ?? undefined,
  jobs: row.jobs,
  currency: row.currency,
  state: row.state,
  openedSeq: row.opened_seq,
  openedAt: row.opened_at,
  closedAt: row.closed_at ?? undefined,
  openedBy: row.opened_by,
  reason: row.reason ?? undefined,
  pauseLevel: row.pause_level ?? undefined,
  stateBy: row.updated_by,
  edition: row.first_identity ? identityOf(row.first_identity)['edition'] : undefined,
});
