/**
 * Effects that leave only with a person's yes.
 *  P1. An answer is about one exact request: the effect, its revision, its artifact, and what it is sent with. Another
 *      artifact, or another option, is asked for anew. Of one effect, only the request asked last waits.
 *  P2. Silence is not an answer: what was not decided in time is held, unless the batch says otherwise. The time is that
 *      of the batch as it is started now: with another one it is asked for anew, and has the whole of it.
 *      No time of a pause counts: people may answer then, and need not.
 *  P3. An answer is never overwritten. A person who gives a job a new try (`requeue`) that was rejected, or that nobody
 *      answered in time, opens the question again.
 *  P4. What waits is listed while its job may go on: not of one that was cancelled, which asks at its next start, that was
 *      discarded, or that is done without it.
 */
import { sql, type Selectable } from 'kysely';
import { FINISHED } from '../contract/states.js';
import { pausedMs, type Pause } from '../policy/pauses.js';
import { recordRequest } from './audit.js';
import { moveJob, type Written } from './job-state.js';
import type { Approval, ApprovalAsked, ApprovalRequest, DecidedApproval, Ledger } from './ledger.js';
import { decisionHolds, isMemberOf } from './members.js';
import { identityOf } from './rows.js';
import { pausesOf } from './pauses.js';
import type { ApprovalsTable } from './schema.js';
import type { Db, Store } from './store.js';
import { TIME_LIMIT } from './unapproved.js';

type Approvals = Pick<Ledger, 'askApproval' | 'approvals' | 'decideApproval'>;

export const approvals = (store: Store): Approvals => ({
  askApproval: (request, by) => store.write((db) => ask(db, request, { at: store.now(), by })),
  approvals: (filter) => store.read((db) => list(db, store.now(), filter)),
  decideApproval: (id, decision, by, reason) =>
    store.write((db) => decide(db, id, decision, reason, { at: store.now(), by })),
});

async function ask(db: Db, request: ApprovalRequest, written: Written): Promise<ApprovalAsked> {
  await replaceOthers(db, request, written);
  const known = await rowOf(db, request);
  const asked = known && isAsked(known, request) ? known : await open(db, request, written);
  const row = { ...asked, due_at: await dueOf(db, asked, written.at) };
  const late = row.state === 'waiting' && row.due_at !== null && row.due_at <= written.at;
  if (late && row.on_timeout !== 'hold') {
    const state = row.on_timeout === 'approve' ? ('approved' as const) : ('rejected' as const);
    const answer = {
      state,
      decided_at: written.at,
      decided_by: TIME_LIMIT,
      reason: 'nobody answered in time',
    };
    await update(db, row, answer);
    return settle(db, { ...row, ...answer }, false, written);
  }
  return settle(db, row, late, written);
}

/** Whether it is answered, or waits for an answer as long as its batch says (P2). */
function isAsked(row: Selectable<ApprovalsTable>, { timeoutMs, onTimeout }: ApprovalRequest): boolean {
  if (row.state !== 'waiting') return row.state !== 'replaced';
  return (
    row.due_at === dueAt(row.asked_at, timeoutMs) && (row.due_at === null || row.on_timeout === onTimeout)
  );
}

const dueAt = (askedAt: string, timeoutMs: number | undefined): string | null =>
  timeoutMs === undefined ? null : new Date(Date.parse(askedAt) + timeoutMs).toISOString();

type Timed = Pick<ApprovalsTable, 'work' | 'batch_id' | 'asked_at' | 'due_at' | 'state'> & {
  readonly provider: string | null;
};

/**
 * P2: when the time for an answer is over, as far as is known. Where it was given, no pause counts any more.
 * @param rows from the one asked first
 * @returns for each row
 */
async function duesOf(db: Db, rows: readonly Timed[], now: string): Promise<readonly (string | null)[]> {
  // Once for all that a batch asks: thousands may wait, and each look at the batch comes by here.
  const known = new Map<string, readonly Pause[]>();
  const dues: (string | null)[] = [];
  for (const { work, batch_id: batchId, provider, asked_at, due_at, state } of rows) {
    if (due_at === null || state !== 'waiting') {
      dues.push(due_at);
      continue;
    }
    const gate = { work, batchId, provider: provider ?? '' };
    const id = JSON.stringify(gate);
    const pauses = known.get(id) ?? (await pausesOf(db, gate, asked_at));
    known.set(id, pauses);
    const waitedMs = pausedMs(pauses, Date.parse(asked_at), Date.parse(now));
    dues.push(new Date(Date.parse(due_at) + waitedMs).toISOString());
  }
  return dues;
}

/** Of an approval `a`: the agent that made what is asked about. */
const PROVIDER = sql<string | null>`(select s.provider from sessions as s
  where s.work = a.work and s.job_key = a.job_key order by s.attempt desc limit 1)`;

async function dueOf(db: Db, row: Selectable<ApprovalsTable>, now: string): Promise<string | null> {
  if (row.due_at === null || row.state !== 'waiting') return row.due_at;
  const made = await db
    .selectFrom('approvals as a')
    .select(PROVIDER.as('provider'))
    .where('a.effect_key', '=', row.effect_key)
    .where('a.request_sha256', '=', row.request_sha256)
    .executeTakeFirst();
  const [due = null] = await duesOf(db, [{ ...row, provider: made?.provider ?? null }], now);
  return due;
}

/** What the answer so far means for the job. */
async function settle(
  db: Db,
  row: Selectable<ApprovalsTable>,
  late: boolean,
  written: Written,
): Promise<ApprovalAsked> {
  const job = await jobOf(db, row);
  switch (row.state) {
    case 'approved':
      if (job.state === 'gated') await moveJob(db, job, { state: 'running' }, written);
      return { kind: 'approved' };
    case 'rejected': {
      const why = row.reason === null || row.reason === '' ? '' : `: ${row.reason}`;
      const message = `${row.name}: rejected by ${row.decided_by ?? 'somebody'}${why}`;
      await moveJob(db, job, { state: 'held', errorClass: 'rejected', message }, written);
      return { kind: 'held', errorClass: 'rejected', message };
    }
    default: {
      if (late) {
        const message = `${row.name}: nobody has approved it by ${row.due_at ?? ''}; nothing was sent`;
        await moveJob(db, job, { state: 'held', errorClass: 'timeout', message }, written);
        return { kind: 'held', errorClass: 'timeout', message };
      }
      const message = `${row.name} waits for approval`;
      await moveJob(db, job, { state: 'gated', message }, written);
      const delayMs =
        row.due_at === null ? undefined : Math.max(1, Date.parse(row.due_at) - Date.parse(written.at));
      return { kind: 'waiting', message, delayMs };
    }
  }
}

/** P1: what was asked before is asked no more. */
const replaceOthers = (db: Db, { effectKey, requestSha256 }: ApprovalRequest, { at }: Written) =>
  db
    .updateTable('approvals')
    .set({ state: 'replaced', decided_at: at })
    .where('effect_key', '=', effectKey)
    .where('request_sha256', '<>', requestSha256)
    .where('state', '=', 'waiting')
    .execute();

/** Asks for the first time, or again: for what another request had replaced, or with another time limit. */
async function open(db: Db, request: ApprovalRequest, { at }: Written): Promise<Selectable<ApprovalsTable>> {
  const row: Selectable<ApprovalsTable> = {
    effect_key: request.effectKey,
    request_sha256: request.requestSha256,
    work: request.work,
    job_key: request.jobKey,
    name: request.name,
    target: request.target,
    use: request.use,
    revision: request.revision,
    artifact_sha256: request.artifact,
    batch_id: request.batchId,
    state: 'waiting',
    asked_at: at,
    due_at: dueAt(at, request.timeoutMs),
    on_timeout: request.onTimeout,
    decided_at: null,
    decided_by: null,
    reason: null,
  };
  await db
    .insertInto('approvals')
    .values(row)
    .onConflict((conflict) => conflict.columns(['effect_key', 'request_sha256']).doUpdateSet(row))
    .execute();
  return row;
}

async function decide(
  db: Db,
  id: Pick<Approval, 'effectKey' | 'requestSha256'>,
  decision: 'approved' | 'rejected',
  reason: string,
  written: Written,
): Promise<DecidedApproval> {
  const row = await rowOf(db, id);
  if (row?.state !== 'waiting') {
    return {
      kind: 'already',
      state: row?.state ?? 'replaced',
      by: row?.decided_by ?? undefined,
      at: row?.decided_at ?? undefined,
      reason: row?.reason ?? undefined,
    };
  }
  await update(db, row, { state: decision, decided_at: written.at, decided_by: written.by, reason });
  const batch = await db
    .selectFrom('batches')
    .select(['id', 'name', 'batch_key as key', 'run_id'])
    .where('id', '=', row.batch_id)
    .executeTakeFirst();
  await recordRequest(
    db,
    {
      by: written.by,
      what: decision === 'approved' ? 'approve' : 'reject',
      outcome: 'done',
      reason: `${row.name} at ${row.target}, revision ${row.revision}, artifact ${row.artifact_sha256}${reason === '' ? '' : `: ${reason}`}`,
      work: row.work,
      jobKeys: [row.job_key],
      ...(batch && { batch: { id: batch.id, name: batch.name, key: batch.key }, runId: batch.run_id }),
    },
    written.at,
  );
  // Held for want of an answer: its next start goes on from here.
  const job = await jobOf(db, row);
  if (job.state === 'held' && decision === 'approved') await moveJob(db, job, { state: 'waiting' }, written);
  return { kind: 'decided', jobHeld: job.state === 'held' };
}

/** P3. Its time limit comes with the next start. */
export async function reopen(
  db: Db,
  { work, job_key }: { readonly work: string; readonly job_key: string },
  { at }: Written,
): Promise<void> {
  await db
    .updateTable('approvals')
    .set({ state: 'waiting', asked_at: at, due_at: null, decided_at: null, decided_by: null, reason: null })
    .where('work', '=', work)
    .where('job_key', '=', job_key)
    .where((eb) =>
      eb.or([eb('state', '=', 'rejected'), eb.and([eb('state', '=', 'waiting'), eb('due_at', '<=', at)])]),
    )
    .execute();
}

async function list(
  db: Db,
  now: string,
  { batchId, waiting = true }: { batchId?: string; waiting?: boolean } = {},
): Promise<readonly Approval[]> {
  const rows = await db
    .selectFrom('approvals as a')
    .innerJoin('jobs as j', (join) =>
      join.onRef('j.work', '=', 'a.work').onRef('j.job_key', '=', 'a.job_key'),
    )
    .leftJoin('effects as e', 'e.effect_key', 'a.effect_key')
    .leftJoin('receipts as r', (join) =>
      join.onRef('r.effect_key', '=', 'e.effect_key').onRef('r.revision', '=', 'e.landed_revision'),
    )
    .selectAll('a')
    .select(PROVIDER.as('provider'))
    .select(['j.identity', 'j.state as job_state', 'e.landed_revision', 'r.url', 'r.id', 'r.sha256'])
    .$if(waiting, (query) =>
      query
        .where('a.state', '=', 'waiting')
        .where('j.state', 'not in', [...FINISHED, 'cancelled']) // P4
        .where((eb) =>
          eb.not(eb.exists(eb.selectFrom('discards as d').select('d.seq').where(decisionHolds))),
        ),
    )
    .$if(batchId !== undefined, (query) => query.where(isMemberOf(db, batchId ?? '', 'a')))
    .orderBy('a.asked_at')
    .orderBy('a.effect_key')
    .execute();
  const dues = await duesOf(db, rows, now);
  return rows.map((row, at) => ({
    effectKey: row.effect_key,
    requestSha256: row.request_sha256,
    work: row.work,
    jobKey: row.job_key,
    identity: identityOf(row.identity),
    jobState: row.job_state,
    name: row.name,
    target: row.target,
    use: row.use,
    revision: row.revision,
    artifact: row.artifact_sha256,
    batchId: row.batch_id,
    state: row.state,
    askedAt: row.asked_at,
    dueAt: dues[at] ?? undefined,
    onTimeout: row.on_timeout,
    decidedAt: row.decided_at ?? undefined,
    decidedBy: row.decided_by ?? undefined,
    reason: row.reason ?? undefined,
    ...(row.landed_revision !== null &&
      row.sha256 !== null && {
        updates: { revision: row.landed_revision, place: row.url ?? row.id ?? '', sha256: row.sha256 },
      }),
  }));
}

const rowOf = (db: Db, { effectKey, requestSha256 }: Pick<Approval, 'effectKey' | 'requestSha256'>) =>
  db
    .selectFrom('approvals')
    .selectAll()
    .where('effect_key', '=', effectKey)
    .where('request_sha256', '=', requestSha256)
    .executeTakeFirst();

const update = (
  db: Db,
  row: Selectable<ApprovalsTable>,
  values: Pick<ApprovalsTable, 'state' | 'decided_at' | 'decided_by' | 'reason'>,
) =>
  db
    .updateTable('approvals')
    .set(values)
    .where('effect_key', '=', row.effect_key)
    .where('request_sha256', '=', row.request_sha256)
    .execute();

const jobOf = (db: Db, { work, job_key }: Pick<ApprovalsTable, 'work' | 'job_key'>) =>
  db
    .selectFrom('jobs')
    .select(['work', 'job_key', 'state', 'active_since'])
    .where('work', '=', work)
    .where('job_key', '=', job_key)
    .executeTakeFirstOrThrow();
