import { sql, type Selectable } from 'kysely';
import type { ErrorClass } from '../contract/errors.js';
import type { EffectState, SessionState, ShownJobState } from '../contract/states.js';
import { requestRow } from './audit.js';
import { discardFor } from './discarded.js';
import type { Discard, HistoryRow, JobId, Ledger, RequestRow, SessionId, Usage, Verdict } from './ledger.js';
import { lastArtifact, lastArtifactOf } from './last-artifact.js';
import { neverRan } from './never-ran.js';
import { historyOf, holdsText, identityOf, sessionRowOf, usedBy } from './rows.js';
import type { AttemptOutcome, SessionsTable } from './schema.js';
import type { Db, Store } from './store.js';

/** A job that the ledger knows: worked on, or named by a batch. */
export interface NamedJob extends JobId {
  readonly identity: Readonly<Record<string, string>>;
}

/** All that the ledger holds of one job, each list oldest first. */
export interface JobStory extends NamedJob {
  /** `waiting` where a batch names it and nobody has taken it yet. */
  readonly state: ShownJobState;
  readonly discarded: Discard | undefined;
  readonly revision: number | undefined;
  readonly errorClass: ErrorClass | undefined;
  readonly errorMessage: string | undefined;
  readonly lastArtifact?: string;
  /** Batches that name it, or have worked on it. */
  readonly batches: readonly StoryBatch[];
  readonly tries: readonly StoryTry[];
  readonly sessions: readonly StorySession[];
  readonly effects: readonly StoryEffect[];
  readonly receipts: readonly StoryReceipt[];
  /** Of the job, its sessions and effects, and of the batches themselves. */
  readonly history: readonly HistoryRow[];
  readonly requests: readonly RequestRow[];
}

export interface StoryBatch {
  readonly id: string;
  /** Undefined where the ledger has lost the batch. */
  readonly name: string | undefined;
  readonly verdict: Verdict | undefined;
  readonly note: string | undefined;
}

/** One time that a worker took the agent step, or an effect, in hand. */
export interface StoryTry {
  /** `agent`, or the name of the effect. */
  readonly step: string;
  readonly number: number;
  readonly batchId: string;
  readonly runId: string;
  readonly activityAttempt: number;
  readonly worker: string;
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  /** `superseded`: it told no end, and the next try took over. */
  readonly outcome: AttemptOutcome | undefined;
}

export interface StorySession extends SessionId {
  readonly provider: string;
  readonly revision: number;
  readonly state: SessionState;
  readonly handle: unknown;
  readonly batchId: string;
  readonly openedAt: string;
  readonly endedAt: string | undefined;
  /** Its start was surely refused: it is no session of any figure. */
  readonly neverRan: boolean;
  /** How often a later try went on with it. */
  readonly attached: number;
  readonly currency: string;
  readonly usage: Omit<Usage, 'currency' | 'priceTable'>;
}

export interface StoryEffect {
  readonly effectKey: string;
  readonly name: string;
  readonly target: string;
  readonly use: string;
  readonly state: EffectState;
  readonly undoes: string | undefined;
}

export interface StoryReceipt {
  readonly effectKey: string;
  readonly revision: number;
  readonly id: string;
  readonly url: string | undefined;
  readonly adopted: boolean;
  readonly decidedBy: string | undefined;
  /** `seq` of the row of `history` that it belongs to. */
  readonly seq: number;
}

type Stories = Pick<Ledger, 'namedJobs' | 'jobsOf' | 'story'>;

export const stories = (store: Store): Stories => ({
  async namedJobs({ keyPrefix } = {}) {
    const rows = await store.db
      .selectFrom('jobs')
      .select(['work', 'job_key', 'identity'])
      .$if(keyPrefix !== undefined, (query) => query.where('job_key', 'like', `${keyPrefix ?? ''}%`))
      .union(
        store.db
          .selectFrom('batch_jobs')
          .select(['work', 'job_key', 'identity'])
          .$if(keyPrefix !== undefined, (query) => query.where('job_key', 'like', `${keyPrefix ?? ''}%`)),
      )
      .execute();
    const byId = new Map(rows.map((row) => [`${row.work}:${row.job_key}`, row]));
    return [...byId.values()].map((row) => ({
      work: row.work,
      jobKey: row.job_key,
      identity: identityOf(row.identity),
    }));
  },

  async jobsOf(thing) {
    const columns = ['work', 'job_key'] as const;
    const rows = await store.db
      .selectFrom('receipts')
      .select(columns)
      .where((where) => where.or([where('id', '=', thing), where('url', '=', thing)]))
      .union(store.db.selectFrom('effects').select(columns).where('effect_key', '=', thing))
      .union(
        store.db
          .selectFrom('sessions')
          .select(columns)
          .where(holdsText('handle', JSON.stringify(thing))), // a whole value of it
      )
      .union(store.db.selectFrom('batch_jobs').select(columns).where('batch_id', '=', thing))
      .execute();
    return rows.map((row) => ({ work: row.work, jobKey: row.job_key }));
  },

  story: (job) => store.read((db) => storyOf(db, job)),
});

async function storyOf(db: Db, { work, jobKey }: JobId): Promise<JobStory | undefined> {
  const job = await db
    .selectFrom('jobs as j')
    .selectAll('j')
    .select(lastArtifact.as('last_artifact'))
    .where('work', '=', work)
    .where('job_key', '=', jobKey)
    .executeTakeFirst();
  const members = await db
    .selectFrom('batch_jobs as m')
    .leftJoin('batches as b', 'b.id', 'm.batch_id')
    .select(['m.batch_id', 'm.identity', 'm.verdict', 'm.note', 'b.name'])
    .where('m.work', '=', work)
    .where('m.job_key', '=', jobKey)
    .execute();
  const discard = job && (await discardFor(db, job));
  const identity = job?.identity ?? members[0]?.identity;
  if (identity === undefined) return undefined;

  const inConflict = members.some(({ verdict }) => verdict === 'conflict');
  const tries = await triesOf(db, { work, jobKey });
  const sessions = await sessionsOf(db, { work, jobKey });
  const workedOn = [...tries, ...sessions].map(({ batchId }) => batchId);
  const batches = new Map<string, StoryBatch>();
  for (const id of workedOn) batches.set(id, { id, name: undefined, verdict: undefined, note: undefined });
  for (const { batch_id: id, name, verdict, note } of members)
    batches.set(id, { id, name: name ?? undefined, verdict, note: note ?? undefined });
  const unnamed = [...batches.values()].filter(({ name }) => name === undefined).map(({ id }) => id);
  for (const { id, name } of await namesOf(db, unnamed)) {
    const batch = batches.get(id);
    if (batch) batches.set(id, { ...batch, name });
  }

  return {
    work,
    jobKey,
    identity: identityOf(identity),
    state: discard ? 'discarded' : (job?.state ?? (inConflict ? 'held' : 'waiting')),
    discarded: discard,
    revision: job?.revision,
    errorClass: job?.error_class ?? undefined,
    errorMessage: job?.error_message ?? undefined,
    ...(job && lastArtifactOf(job)),
    batches: [...batches.values()],
    tries,
    sessions,
    effects: await effectsOf(db, { work, jobKey }),
    receipts: await receiptsOf(db, { work, jobKey }),
    history: await historyRows(db, { work, jobKey }, [...batches.keys()]),
    requests: await requestRows(db, { work, jobKey }, [...batches.keys()]),
  };
}

async function triesOf(db: Db, { work, jobKey }: JobId): Promise<StoryTry[]> {
  const rows = await db
    .selectFrom('attempts')
    .selectAll()
    .where('work', '=', work)
    .where('job_key', '=', jobKey)
    .orderBy('started_at')
    .orderBy('number')
    .execute();
  return rows.map((row) => ({
    step: row.step,
    number: row.number,
    batchId: row.batch_id,
    runId: row.run_id,
    activityAttempt: row.activity_attempt,
    worker: row.worker,
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
    outcome: row.outcome ?? undefined,
  }));
}

async function sessionsOf(db: Db, { work, jobKey }: JobId): Promise<StorySession[]> {
  const rows = await db
    .selectFrom('sessions as s')
    .selectAll('s')
    .select(sql<number>`case when ${neverRan('s')} then 1 else 0 end`.as('never_ran'))
    .where('work', '=', work)
    .where('job_key', '=', jobKey)
    .orderBy('opened_at')
    .orderBy('attempt')
    .execute();
  return rows.map(sessionOf);
}

const sessionOf = (row: Selectable<SessionsTable> & { readonly never_ran: number }): StorySession => ({
  ...sessionRowOf(row),
  batchId: row.batch_id,
  endedAt: row.ended_at ?? undefined,
  neverRan: row.never_ran === 1,
  attached: row.attached,
  currency: row.currency ?? 'USD',
  usage: {
    ...usedBy(row),
    ...(row.model !== null && { model: row.model }),
  },
});

async function effectsOf(db: Db, { work, jobKey }: JobId): Promise<StoryEffect[]> {
  const rows = await db
    .selectFrom('effects')
    .select(['effect_key', 'name', 'target', 'use', 'state', 'undoes'])
    .where('work', '=', work)
    .where('job_key', '=', jobKey)
    .orderBy('position')
    .execute();
  return rows.map(({ effect_key: effectKey, undoes, ...row }) => ({
    ...row,
    effectKey,
    undoes: undoes ?? undefined,
  }));
}

async function receiptsOf(db: Db, { work, jobKey }: JobId): Promise<StoryReceipt[]> {
  const rows = await db
    .selectFrom('receipts')
    .select(['effect_key', 'revision', 'id', 'url', 'adopted', 'decided_by', 'recorded_seq'])
    .where('work', '=', work)
    .where('job_key', '=', jobKey)
    .orderBy('recorded_seq')
    .execute();
  return rows.map((row) => ({
    effectKey: row.effect_key,
    revision: row.revision,
    id: row.id,
    url: row.url ?? undefined,
    adopted: row.adopted === 1,
    decidedBy: row.decided_by ?? undefined,
    seq: row.recorded_seq,
  }));
}

const namesOf = async (db: Db, ids: readonly string[]) =>
  ids.length === 0 ? [] : db.selectFrom('batches').select(['id', 'name']).where('id', 'in', ids).execute();

async function historyRows(db: Db, { work, jobKey }: JobId, batchIds: readonly string[]) {
  const rows = await db
    .selectFrom('history')
    .selectAll()
    .where((where) =>
      where.or([
        where.and([where('work', '=', work), where('job_key', '=', jobKey)]),
        ...(batchIds.length === 0
          ? []
          : [where.and([where('kind', '=', 'batch'), where('batch_id', 'in', batchIds)])]),
      ]),
    )
    .orderBy('seq')
    .execute();
  return rows.map(historyOf);
}

async function requestRows(db: Db, { work, jobKey }: JobId, batchIds: readonly string[]) {
  const rows = await db
    .selectFrom('requests')
    .selectAll()
    .where((where) =>
      where.or([
        where.and([where('work', '=', work), where('job_key', '=', jobKey)]),
        ...(batchIds.length === 0
          ? []
          : [where.and([where('job_key', 'is', null), where('batch_id', 'in', batchIds)])]),
      ]),
    )
    .orderBy('seq')
    .execute();
  return rows.map(requestRow);
}
