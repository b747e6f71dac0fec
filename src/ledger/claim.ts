import { AGENT_STEP, beginAttempt, endAttempt } from './attempts.js';
import { writerOf } from './by.js';
import { isFinished, OPEN_SESSION } from '../contract/states.js';
import { resumedMs } from '../policy/pauses.js';
import { discardedText } from '../contract/discarded-text.js';
import { discardFor } from './discarded.js';
import { hasRun, isPrepared } from './never-ran.js';
import { isHeldForSession, isInProgress } from './job-state.js';
import type { Claim, ClaimRequest } from './ledger.js';
import { pausesOf } from './pauses.js';
import { artifactColumns, artifactOf, sessionRowOf } from './rows.js';
import type { JobsTable, SessionsTable } from './schema.js';
import type { Db, Store } from './store.js';
import { uncheckedOf } from './unchecked.js';

/**
 * Takes a job for one try of its agent step.
 *  C1. A payload that may have been seen outside is never replaced without a higher revision.
 *  C2. Who claims gets a fence above every fence given before, so whoever held the job can no longer write.
 *  C3. An artifact, checked or not, or an open session is handed on only to the very payload it was made for.
 */
export const claimJob =
  (store: Store) =>
  (claim: ClaimRequest): Promise<Claim> =>
    store.write(async (db) => {
      const job = await db
        .selectFrom('jobs')
        .selectAll()
        .where('work', '=', claim.work)
        .where('job_key', '=', claim.jobKey)
        .executeTakeFirst();
      return job === undefined ? claimFresh(db, claim, store.now()) : claimKnown(db, job, claim, store.now());
    });

async function claimFresh(db: Db, claim: ClaimRequest, at: string): Promise<Claim> {
  const { work, jobKey, by } = claim;
  await db
    .insertInto('jobs')
    .values({
      work,
      job_key: jobKey,
      ...claimColumns(claim, at),
      fence: 1,
      active_since: at,
      last_attempt: 0,
      budget_from_attempt: 1,
      finished_seq: null,
      ...artifactColumns(undefined),
    })
    .execute();
  await beginAttempt(db, { work, jobKey, number: 1 }, by, at);
  return {
    kind: 'claimed',
    fence: 1,
    fresh: true,
    artifact: undefined,
    unchecked: undefined,
    openSession: undefined,
    nextAttempt: 1,
    failures: [],
    ranBefore: false,
    givenUp: [],
  };
}

async function claimKnown(db: Db, job: JobsTable, claim: ClaimRequest, at: string): Promise<Claim> {
  const raised = claim.revision > job.revision;
  const changed = raised || claim.fingerprint !== job.fingerprint;
  if (!raised) {
    const refused = claim.revision < job.revision || (changed && (await wasSeenOutside(db, claim)));
    if (refused) return { kind: 'conflict', fingerprint: job.fingerprint, revision: job.revision };
    const discard = await discardFor(db, job);
    if (discard)
      return { kind: 'parked', errorClass: job.error_class ?? 'bug', message: discardedText(discard) };
    // An edited payload is another piece of work: its tries are counted anew.
    if (job.state === 'parked' && !changed) return stopped('parked', job);
    if (isHeldForSession(job) && !changed) return stopped('held', job);
  }

  if (!changed && isFinished(job.state) && (await haveLanded(db, claim))) return { kind: 'finished' };

  const fence = job.fence + 1;
  const artifact = changed ? undefined : artifactOf(job);
  const budgetFrom = raised ? job.last_attempt + 1 : job.budget_from_attempt;
  await db
    .updateTable('jobs')
    .set({
      ...claimColumns(claim, at),
      fence,
      active_since: isInProgress(job.state) ? (job.active_since ?? at) : at,
      budget_from_attempt: budgetFrom,
      ...artifactColumns(artifact),
    })
    .where('work', '=', claim.work)
    .where('job_key', '=', claim.jobKey)
    .execute();
  const tried = { work: claim.work, jobKey: claim.jobKey, number: fence };
  await beginAttempt(db, tried, claim.by, at);
  if (artifact !== undefined) await endAttempt(db, tried, 'reused', at);
  return {
    kind: 'claimed',
    fence,
    fresh: await isStillFresh(db, job, claim),
    artifact,
    unchecked: changed ? undefined : await uncheckedOf(db, job),
    nextAttempt: job.last_attempt + 1,
    ...(await sessionsSoFar(db, claim, budgetFrom)),
  };
}

/** All that the ledger knows of the job are earlier tries of this very run, of which none came to a session or an effect. */
async function isStillFresh(db: Db, { last_attempt }: JobsTable, claim: ClaimRequest): Promise<boolean> {
  if (last_attempt > 0) return false;
  const of = { work: claim.work, job_key: claim.jobKey };
  const others = db
    .selectFrom('attempts')
    .select('run_id as one')
    .where((eb) => eb.and(of))
    .where('run_id', '<>', claim.by.runId);
  const effects = db
    .selectFrom('effects')
    .select('effect_key as one')
    .where((eb) => eb.and(of));
  return (await others.unionAll(effects).limit(1).executeTakeFirst()) === undefined;
}

const claimColumns = (claim: ClaimRequest, at: string) => ({
  identity: JSON.stringify(claim.identity),
  fingerprint: claim.fingerprint,
  revision: claim.revision,
  state: 'running' as const,
  batch_id: claim.by.batchId,
  claimed_by: writerOf(claim.by),
  step: AGENT_STEP,
  error_class: null,
  error_message: null,
  updated_at: at,
  updated_by: writerOf(claim.by),
  detail: null,
});

const stopped = (kind: 'parked' | 'held', job: JobsTable): Claim => ({
  kind,
  errorClass: job.error_class ?? 'bug',
  message: job.error_message ?? `${kind} without a reason`,
});

async function haveLanded(db: Db, claim: ClaimRequest): Promise<boolean> {
  const { landed } = await db
    .selectFrom('effects')
    .select((eb) => eb.fn.countAll<number>().as('landed'))
    .where('effect_key', 'in', [...claim.effectKeys, ''])
    .where('state', '=', 'landed')
    .where('landed_revision', '>=', claim.revision)
    .executeTakeFirstOrThrow();
  return landed === claim.effectKeys.length;
}

/** True once a request of any effect may have left, or one was found at its destination. */
async function wasSeenOutside(db: Db, claim: ClaimRequest): Promise<boolean> {
  const effect = await db
    .selectFrom('effects')
    .select('effect_key')
    .where('work', '=', claim.work)
    .where('job_key', '=', claim.jobKey)
    .where((eb) => eb.or([eb('attempts', '>', 0), eb('landed_revision', 'is not', null)]))
    .limit(1)
    .executeTakeFirst();
  return effect !== undefined;
}

/**
 * A session at work on an older payload is open, and stays so until its service has ended it; whoever went on with it
 * would publish that payload under the new fingerprint (C3).
 */
async function sessionsSoFar(
  db: Db,
  claim: ClaimRequest,
  budgetFrom: number,
): Promise<Pick<Extract<Claim, { kind: 'claimed' }>, 'openSession' | 'failures' | 'ranBefore' | 'givenUp'>> {
  const sessions = await db
    .selectFrom('sessions')
    .select(['run_key', 'attempt', 'provider', 'state', 'handle', 'opened_at', 'error_class'])
    .select(['ended_at', 'started_seq', 'artifact_sha256', 'run_id', 'revision', 'fingerprint'])
    .where('work', '=', claim.work)
    .where('job_key', '=', claim.jobKey)
    .where((eb) => eb.or([eb('attempt', '>=', budgetFrom), eb('state', 'in', OPEN_SESSION)]))
    .orderBy('attempt')
    .execute();
  const isOpen = ({ state }: Pick<SessionsTable, 'state'>) => OPEN_SESSION.includes(state);
  const isOfThis = (row: Pick<SessionsTable, 'revision' | 'fingerprint'>) =>
    row.revision === claim.revision && row.fingerprint === claim.fingerprint;
  const open = sessions.findLast((row) => isOpen(row) && isOfThis(row));
  const givenUp = sessions.filter((row) => isOpen(row) && !isOfThis(row));
  const ofBudget = sessions.filter(({ attempt }) => attempt >= budgetFrom);
  // Failed before it started: the provider surely ran nothing. Lost before it started: perhaps it did.
  const ran = (row: (typeof sessions)[number]) => row.state === 'lost' || hasRun(row);
  const failed = ofBudget.filter(({ state }) => state === 'failed' || state === 'lost');
  // A payload that was edited and edited back is new work once more: what failed before the other one is no try of it.
  const otherOne = ofBudget.findLast((row) => !isOfThis(row))?.attempt ?? 0;
  const goesOnSince = await lastResume(db, claim, failed);
  const failures = failed
    .filter(({ attempt }) => attempt > otherOne)
    .map((row) => {
      const endedAt = Date.parse(row.ended_at ?? row.opened_at);
      return {
        errorClass: row.error_class ?? 'bug',
        ran: ran(row),
        sha256: row.artifact_sha256 ?? undefined,
        endedAt,
        earlier: row.run_id !== claim.by.runId || endedAt <= goesOnSince,
      };
    });
  // Of whatever payload: an edit is no person's word that an agent may act on the outside world once more.
  const ranBefore =
    failed.some(ran) ||
    ofBudget.some(
      (row) =>
        row.state === 'collected' ||
        ((row.state === 'cancelled' || givenUp.includes(row)) && !isPrepared(row.handle)),
    );
  return { openSession: open && sessionRowOf(open), failures, ranBefore, givenUp: givenUp.map(sessionRowOf) };
}

/** When the last pause ended that its failed sessions have seen; before them all where there was none. Milliseconds since the epoch. */
async function lastResume(
  db: Db,
  { work, by: { batchId } }: ClaimRequest,
  failed: readonly Pick<SessionsTable, 'provider' | 'opened_at'>[],
): Promise<number> {
  const [first, last] = [failed[0], failed.at(-1)];
  if (first === undefined || last === undefined) return -Infinity;
  const gate = { work, batchId, provider: last.provider };
  return resumedMs(await pausesOf(db, gate, first.opened_at)) ?? -Infinity;
}
