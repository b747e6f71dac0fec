/**
 * What people decide about effects whose outcome nothing else can tell.
 *  D1. Only a question is answered: an effect that is `unknown`, or `held` because its outcome is.
 *  D2. An answer raises the fence. A worker that has the effect in hand can't write over it.
 *  D3. An answer is never overwritten: the same again changes nothing, another one is refused.
 */
import { UsageError } from '../contract/errors.js';
import type { JobState } from '../contract/states.js';
import type { Signer } from '../evidence/signing.js';
import { changedSince } from '../policy/as-shown.js';
import { recordRequest } from './audit.js';
import { isHeldForSession, moveJob } from './job-state.js';
import { NOT_ACKNOWLEDGED } from './effects.js';
import { landEffect, receiptAt } from './landing.js';
import type { EffectDecision, Ledger, Settles } from './ledger.js';
import { inDoubt, openQuestions } from './questions.js';
import type { EffectsTable } from './schema.js';
import type { Db, Store } from './store.js';

type Decisions = Pick<Ledger, 'decideEffect' | 'openQuestions'>;

export const decisions = (store: Store, signer: Signer | undefined): Decisions => ({
  decideEffect: (effectKey, decision, by, reason, settles) =>
    store.write((db) => decide(db, effectKey, decision, { by, reason, at: store.now(), settles, signer })),

  openQuestions: (batchId) => openQuestions(store.db, batchId),
});

interface Answer {
  readonly by: string;
  readonly reason: string;
  readonly at: string;
  readonly settles: Settles | undefined;
  readonly signer: Signer | undefined;
}

async function decide(
  db: Db,
  effectKey: string,
  decision: EffectDecision & { readonly sentAt?: string | undefined },
  answer: Answer,
): Promise<{ jobState: JobState }> {
  const effect = await db
    .selectFrom('effects')
    .selectAll()
    .where('effect_key', '=', effectKey)
    .executeTakeFirst();
  if (effect === undefined) throw new UsageError(`the ledger has no effect ${effectKey}`);
  if (await isAnsweredSo(db, effect, decision)) return { jobState: (await jobOf(db, effect)).state };
  assertInDoubt(effect);
  if (decision.sentAt !== undefined && decision.sentAt !== effect.last_sent_at)
    throw new UsageError(changedSince(effectKey));
  const taken = { ...effect, fence: effect.fence + 1, claimed_by: answer.by }; // D2
  await db
    .updateTable('effects')
    .set({ fence: taken.fence, claimed_by: taken.claimed_by })
    .where('effect_key', '=', effectKey)
    .execute();
  if (decision.landed) await land(db, taken, decision, answer);
  else await forget(db, taken, answer);
  await recordRequest(
    db,
    {
      by: answer.by,
      what: 'decide',
      outcome: 'done',
      reason: `${effect.name}: ${saidOf(decision)}: ${answer.reason}`,
      work: effect.work,
      jobKeys: [effect.job_key],
      ...(await batchOf(db, effect)),
    },
    answer.at,
  );
  return { jobState: await release(db, taken, answer) };
}

async function land(
  db: Db,
  effect: EffectsTable,
  { id, url }: Extract<EffectDecision, { landed: true }>,
  { by, reason, at, settles, signer }: Answer,
): Promise<void> {
  const { artifact_sha256: artifact } = await jobOf(db, effect);
  // What lies there nobody has read; what was meant to be there is the job's artifact.
  const sha256 = artifact ?? effect.sent_sha256;
  if (sha256 === null) {
    throw new UsageError(
      `effect ${effect.effect_key} has no record of what was sent, so no receipt can be written`,
    );
  }
  const receipt = {
    effectKey: effect.effect_key,
    revision: effect.revision,
    id,
    ...(url !== undefined && { url }),
    sha256,
    landedAt: at,
    adopted: true,
  };
  await landEffect(db, effect, receipt, settles, { at, signer, decided: { by, reason } });
}

/** As if it had never been sent; how often it was stays known. */
async function forget(db: Db, effect: EffectsTable, { by, reason, at }: Answer): Promise<void> {
  await db
    .updateTable('effects')
    .set({
      state: 'pending',
      first_sent_at: null,
      last_sent_at: null,
      sent_sha256: null,
      ...NOT_ACKNOWLEDGED,
      error_class: null,
      error_message: null,
      updated_at: at,
      updated_by: by,
      detail: `decided: did not land: ${reason}`,
    })
    .where('effect_key', '=', effect.effect_key)
    .execute();
}

/** A job held for this question alone goes on with the next start. */
async function release(db: Db, effect: EffectsTable, { by, at }: Answer): Promise<JobState> {
  const job = await jobOf(db, effect);
  if (job.state !== 'held') return job.state;
  // Its effects are another question than what its session has done.
  if (isHeldForSession(job)) return 'held';
  const { left } = await inDoubt(db)
    .select((eb) => eb.fn.countAll<number>().as('left'))
    .where('e.work', '=', effect.work)
    .where('e.job_key', '=', effect.job_key)
    .executeTakeFirstOrThrow();
  if (Number(left) > 0) return 'held';
  await moveJob(db, job, { state: 'waiting' }, { at, by });
  return 'waiting';
}

async function isAnsweredSo(db: Db, effect: EffectsTable, decision: EffectDecision): Promise<boolean> {
  if (!decision.landed) return effect.state === 'pending' && effect.attempts > 0;
  if (effect.state !== 'landed') return false;
  const receipt = await receiptAt(db, { effectKey: effect.effect_key, revision: effect.revision });
  return receipt?.id === decision.id && receipt.url === decision.url;
}

function assertInDoubt(effect: EffectsTable): void {
  const { state, name, target, effect_key: key } = effect;
  if (state === 'unknown' || (state === 'held' && effect.error_class === 'unknown')) return; // D1
  const why = {
    pending:
      effect.attempts > 0
        ? `${effect.updated_by} has said that it did not land, and the next start may send it; an answer is not overwritten`
        : 'nothing of it was sent',
    attempting: 'it is being sent, or its worker died: start the batch again, it finds out by itself',
    landed: 'it has a receipt already',
    held: `it is held for another reason (${effect.error_message ?? effect.error_class ?? 'not noted'})`,
    failed: 'the destination refused it',
  }[state];
  throw new UsageError(
    `effect "${name}" at ${target} is not in doubt: ${why} [effect=${key}, state=${state}]`,
  );
}

const jobOf = (db: Db, effect: EffectsTable) =>
  db
    .selectFrom('jobs')
    .select(['work', 'job_key', 'state', 'active_since', 'artifact_sha256', 'step', 'error_class'])
    .where('work', '=', effect.work)
    .where('job_key', '=', effect.job_key)
    .executeTakeFirstOrThrow();

async function batchOf(db: Db, effect: EffectsTable) {
  const batch = await db
    .selectFrom('batches')
    .select(['id', 'name', 'batch_key as key', 'run_id'])
    .where('id', '=', effect.batch_id)
    .executeTakeFirst();
  if (batch === undefined) return {};
  const { id, name, key, run_id: runId } = batch;
  return { batch: { id, name, key }, runId };
}

const saidOf = (decision: EffectDecision): string =>
  decision.landed
    ? `landed as ${decision.id}${decision.url === undefined ? '' : ` ${decision.url}`}`
    : 'did not land';
