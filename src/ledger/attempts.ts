import { StaleFence, type By, type JobId } from './ledger.js';
import type { AttemptOutcome } from './schema.js';
import type { Db } from './store.js';

/** The step of a job that is not an effect. */
export const AGENT_STEP = 'agent';

/** What a worker took in hand: the agent step of a job, or one of its effects. */
export interface Tried extends JobId {
  /** Undefined: the agent step. */
  readonly effect?: { readonly key: string; readonly name: string } | undefined;
  /** Number of the try, which is the fence it was given. */
  readonly number: number;
}

/**
 * Opens a try; whichever try was open before has been passed over.
 * @throws StaleFence where the open one is a later try of the engine than this: a worker that was suspended with a task in
 * hand begins it when it wakes, and must not take from the one at work what that one is sending
 */
export async function beginAttempt(db: Db, tried: Tried, by: By, at: string): Promise<void> {
  if (tried.number > 1) {
    await assertNotLate(db, tried, by);
    await db
      .updateTable('attempts')
      .set({ outcome: 'superseded', ended_at: at })
      .where('work', '=', tried.work)
      .where('job_key', '=', tried.jobKey)
      .where('effect_key', '=', tried.effect?.key ?? '')
      .where('outcome', 'is', null)
      .execute();
  }
  await db
    .insertInto('attempts')
    .values({
      work: tried.work,
      job_key: tried.jobKey,
      step: tried.effect?.name ?? AGENT_STEP,
      effect_key: tried.effect?.key ?? '',
      number: tried.number,
      batch_id: by.batchId,
      workflow_id: by.workflowId,
      run_id: by.runId,
      activity_attempt: by.attempt,
      worker: by.worker,
      started_at: at,
      outcome: null,
      ended_at: null,
    })
    .execute();
}

/**
 * The engine counts the tries of an Activity from 1, and an Activity that follows another one in the same run does so anew:
 * where that one has left a try open, the engine's next tries get past it.
 */
async function assertNotLate(db: Db, tried: Tried, by: By): Promise<void> {
  const later = await db
    .selectFrom('attempts')
    .select(['activity_attempt', 'worker'])
    .where('work', '=', tried.work)
    .where('job_key', '=', tried.jobKey)
    .where('effect_key', '=', tried.effect?.key ?? '')
    .where('outcome', 'is', null)
    .where('run_id', '=', by.runId)
    .where('activity_attempt', '>', by.attempt)
    .executeTakeFirst();
  if (later === undefined) return;
  const what = tried.effect ? `effect "${tried.effect.name}"` : 'the agent step';
  throw new StaleFence(
    `try ${by.attempt} of ${what} comes late [job=${tried.jobKey}, worker=${by.worker}]: ` +
      `${later.worker} has begun try ${later.activity_attempt}, and this one stops`,
  );
}

/** Says how a try ended, unless that was said before. */
export async function endAttempt(db: Db, tried: Tried, outcome: AttemptOutcome, at: string): Promise<void> {
  await db
    .updateTable('attempts')
    .set({ outcome, ended_at: at })
    .where('work', '=', tried.work)
    .where('job_key', '=', tried.jobKey)
    .where('effect_key', '=', tried.effect?.key ?? '')
    .where('number', '=', tried.number)
    .where('outcome', 'is', null)
    .execute();
}
