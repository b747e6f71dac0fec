import type { Selectable, Updateable } from 'kysely';
import type { ArtifactRef } from '../contract/artifact.js';
import { endAttempt } from './attempts.js';
import { writerOf } from './by.js';
import { assertMayBegin } from './holds.js';
import { detailOf, jobSubject, moveJob, staleJob } from './job-state.js';
import type { JobId, Ledger, NewSession, SessionEnd, SessionId } from './ledger.js';
import { currencyOf, roomFor, settled, siteOf } from './reservations.js';
import { artifactColumns, artifactOf } from './rows.js';
import type { JobsTable, SessionsTable } from './schema.js';
import type { Db, Store } from './store.js';
import { uncheckedOf } from './unchecked.js';
import { assertSessionMove, IllegalTransition } from './transitions.js';

type Sessions = Pick<
  Ledger,
  | 'intendSession'
  | 'reserveSession'
  | 'budgetRoom'
  | 'saveHandle'
  | 'attachSession'
  | 'endSession'
  | 'endGivenUp'
  | 'acceptArtifact'
  | 'loseArtifact'
>;

export const sessions = (store: Store): Sessions => ({
  intendSession: (session, fence, gate) =>
    store.write(async (db) => {
      await assertMayBegin(db, gate);
      await intendSession(db, session, fence, store.now());
    }),

  reserveSession: (session, budget, fence, gate) =>
    store.write(async (db) => {
      await assertMayBegin(db, gate);
      const at = store.now();
      const decision = await roomFor(db, { ...session, batchId: session.by.batchId }, budget, at);
      if (decision.kind !== 'ok') return decision;
      await intendSession(db, session, fence, at, {
        reserved_micros: decision.micros,
        currency: budget.limits.currency,
      });
      return decision;
    }),

  budgetRoom: (session, budget) => store.read((db) => roomFor(db, session, budget, store.now())),

  saveHandle: (id, handle, fence, gate) =>
    store.write(async (db) => {
      await assertMayBegin(db, gate);
      const { session, job } = await fenced(db, id, fence);
      if (session.state !== 'started') assertSessionMove(subjectOf(id), session.state, 'started');
      await update(db, id, {
        state: 'started',
        handle: JSON.stringify(handle ?? null),
        updated_at: store.now(),
        updated_by: job.claimed_by,
        detail: session.provider,
      });
    }),

  attachSession: (id, fence) =>
    store.write(async (db) => {
      const { session, job } = await fenced(db, id, fence);
      if (session.ended_at !== null) {
        throw new IllegalTransition('session', subjectOf(id), session.state, 'attached');
      }
      await update(db, id, {
        attached: session.attached + 1,
        attached_batch_id: job.batch_id,
        updated_at: store.now(),
        updated_by: job.claimed_by,
        detail: null,
      });
    }),

  endSession: (id, end, fence) => store.write((db) => endSession(db, id, end, fence, store.now())),

  endGivenUp: (id, end, fence) =>
    store.write(async (db) => {
      const { session, job } = await fenced(db, id, fence);
      // Its batch had it to the end: it is nothing of the batch whose payload replaced it.
      await bookEnd(db, id, end, session, { ...job, batch_id: session.of_batch }, store.now());
    }),

  acceptArtifact: (id, fence) => store.write((db) => acceptArtifact(db, id, fence, store.now())),

  loseArtifact: (job, message, fence) =>
    store.write((db) => loseArtifact(db, job, message, fence, store.now())),
});

async function intendSession(
  db: Db,
  session: NewSession,
  fence: number,
  at: string,
  reservation?: { readonly reserved_micros: number; readonly currency: string },
): Promise<void> {
  const job = await db
    .selectFrom('jobs')
    .select(['fence', 'fingerprint', 'last_attempt'])
    .where('work', '=', session.work)
    .where('job_key', '=', session.jobKey)
    .executeTakeFirst();
  if (job?.fence !== fence) throw staleJob(jobSubject(session), job?.fence, fence);
  if (session.attempt <= job.last_attempt) {
    throw new Error(`session ${subjectOf(session)} of ${jobSubject(session)}: this number was given before`);
  }
  await db
    .insertInto('sessions')
    .values({
      run_key: session.runKey,
      attempt: session.attempt,
      work: session.work,
      job_key: session.jobKey,
      revision: session.revision,
      fingerprint: job.fingerprint,
      provider: session.provider,
      state: 'intent',
      batch_id: session.by.batchId,
      workflow_id: session.by.workflowId,
      run_id: session.by.runId,
      activity_attempt: session.by.attempt,
      worker: session.by.worker,
      opened_at: at,
      site: await siteOf(db, session),
      ...(reservation ?? { currency: await currencyOf(db, session.by.batchId) }),
      updated_at: at,
      updated_by: writerOf(session.by),
      detail: session.provider,
    })
    .execute();
  await db
    .updateTable('jobs')
    .set({ last_attempt: session.attempt })
    .where('work', '=', session.work)
    .where('job_key', '=', session.jobKey)
    .execute();
}

async function acceptArtifact(db: Db, id: SessionId, fence: number, at: string): Promise<void> {
  const { session, job } = await fenced(db, id, fence);
  if (session.state !== 'collected') {
    throw new IllegalTransition('session', subjectOf(id), session.state, 'accepted');
  }
  await giveArtifact(db, job, artifactOf(session));
  await endAttempt(db, { work: job.work, jobKey: job.job_key, number: fence }, 'reused', at);
}

async function giveArtifact(
  db: Db,
  job: Pick<JobsTable, 'work' | 'job_key'>,
  artifact: ArtifactRef | undefined,
): Promise<void> {
  await db
    .updateTable('jobs')
    .set({ ...artifactColumns(artifact), error_class: null, error_message: null })
    .where('work', '=', job.work)
    .where('job_key', '=', job.job_key)
    .execute();
}

async function loseArtifact(db: Db, id: JobId, message: string, fence: number, at: string): Promise<void> {
  const job = await db
    .selectFrom('jobs')
    .select(['work', 'job_key', 'fence', 'claimed_by', 'artifact_sha256'])
    .select(['last_attempt', 'fingerprint', 'revision'])
    .where('work', '=', id.work)
    .where('job_key', '=', id.jobKey)
    .executeTakeFirst();
  if (job?.fence !== fence) throw staleJob(jobSubject(id), job?.fence, fence);
  const lost = job.artifact_sha256 ?? (await uncheckedOf(db, job))?.artifact.sha256 ?? null;
  await db
    .updateTable('sessions')
    .set({
      state: 'failed',
      ended_at: at,
      error_class: 'lost',
      error_message: message,
      updated_at: at,
      updated_by: job.claimed_by,
      detail: message,
    })
    .where('work', '=', id.work)
    .where('job_key', '=', id.jobKey)
    .where('state', '=', 'collected')
    .where('artifact_sha256', '=', lost)
    .execute();
  await db
    .updateTable('jobs')
    .set(artifactColumns(undefined))
    .where('work', '=', id.work)
    .where('job_key', '=', id.jobKey)
    .execute();
}

export async function endSession(
  db: Db,
  id: SessionId,
  end: SessionEnd,
  fence: number,
  at: string,
): Promise<void> {
  const { session, job } = await fenced(db, id, fence);
  if (!(await bookEnd(db, id, end, session, job, at))) return;
  await endAttempt(db, { work: job.work, jobKey: job.job_key, number: fence }, end.state, at);

  if (end.state === 'collected') {
    if (!end.unchecked) await giveArtifact(db, job, end.artifact);
    return;
  }
  if (session.state === 'collected') await dropArtifact(db, job);
  if (end.job !== undefined) await moveJob(db, job, end.job, { at, by: job.claimed_by }, true);
}

/** @returns false, with nothing written, where it was booked before: the answer to the first call was lost */
async function bookEnd(
  db: Db,
  id: SessionId,
  end: SessionEnd,
  session: FencedSession,
  job: Pick<FencedJob, 'batch_id' | 'claimed_by'>,
  at: string,
): Promise<boolean> {
  if (session.state === end.state && session.artifact_sha256 === (end.artifact?.sha256 ?? null)) return false;
  assertSessionMove(subjectOf(id), session.state, end.state);
  const failure = end.state === 'collected' ? undefined : end;
  await update(db, id, {
    state: end.state,
    ended_at: at,
    booked_batch_id: session.booked_batch_id ?? job.batch_id, // what was booked stays where it was
    ...settled(session, end, at),
    ...artifactColumns(end.artifact),
    error_class: failure?.errorClass ?? null,
    error_message: failure?.message ?? null,
    updated_at: at,
    updated_by: job.claimed_by,
    detail: failure === undefined ? null : (detailOf(failure) ?? null),
  });
  return true;
}

/** A collected artifact that failed its checks afterwards is not the job's any more. */
async function dropArtifact(db: Db, job: Pick<JobsTable, 'work' | 'job_key'>): Promise<void> {
  await db
    .updateTable('jobs')
    .set(artifactColumns(undefined))
    .where('work', '=', job.work)
    .where('job_key', '=', job.job_key)
    .execute();
}

const subjectOf = (id: SessionId): string => `${id.runKey}#${id.attempt}`;

type FencedJob = Pick<JobsTable, 'work' | 'job_key' | 'state' | 'active_since' | 'batch_id' | 'claimed_by'>;
type FencedSession = Pick<
  Selectable<SessionsTable>,
  | 'provider'
  | 'state'
  | 'attached'
  | 'ended_at'
  | 'artifact_sha256'
  | 'artifact_bytes'
  | 'artifact_mime'
  | 'booked_batch_id'
  | 'currency'
  | 'reserved_micros'
  | 'settled_at'
  | 'started_seq'
  | 'handle'
> & {
  /** The batch that started it, or went on with it last. */
  readonly of_batch: string;
};

/** @throws StaleFence when the job was claimed again since `fence` was given */
async function fenced(
  db: Db,
  id: SessionId,
  fence: number,
): Promise<{ session: FencedSession; job: FencedJob }> {
  const row = await db
    .selectFrom('sessions as s')
    .innerJoin('jobs as j', (join) =>
      join.onRef('j.work', '=', 's.work').onRef('j.job_key', '=', 's.job_key'),
    )
    .select(['s.provider', 's.state as session_state', 's.attached', 's.ended_at', 's.booked_batch_id'])
    .select(['s.artifact_sha256', 's.artifact_bytes', 's.artifact_mime'])
    .select(['s.currency', 's.reserved_micros', 's.settled_at', 's.started_seq', 's.handle'])
    .select((eb) => eb.fn.coalesce('s.attached_batch_id', 's.batch_id').as('of_batch'))
    .select(['j.work', 'j.job_key', 'j.state', 'j.active_since', 'j.batch_id', 'j.claimed_by', 'j.fence'])
    .where('s.run_key', '=', id.runKey)
    .where('s.attempt', '=', id.attempt)
    .executeTakeFirstOrThrow(() => new Error(`the ledger has no session ${subjectOf(id)}`));
  if (row.fence !== fence) throw staleJob(`${row.work}:${row.job_key}`, row.fence, fence);
  return { session: { ...row, state: row.session_state }, job: row };
}

async function update(db: Db, id: SessionId, values: Updateable<SessionsTable>): Promise<void> {
  await db
    .updateTable('sessions')
    .set(values)
    .where('run_key', '=', id.runKey)
    .where('attempt', '=', id.attempt)
    .execute();
}
