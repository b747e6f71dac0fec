import type { By, JobId } from './ledger.js';
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

/** Opens a try; whichever try was open before has been passed over. */
export async function beginAttempt(db: Db, tried: Tried, by: By, at: string): Promise<void> {
  if (tried.number > 1) {
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
