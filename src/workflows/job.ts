import type { ApplicationFailure } from '@temporalio/common';
import { ActivityFailure, CancelledFailure, TimeoutFailure } from '@temporalio/common';
import { CancellationScope, continueAsNew, isCancellation } from '@temporalio/workflow';
import type { JobOutcome } from '../contract/job-outcome.js';
import type {
  AgentEnd,
  AgentRequest,
  JobEnd,
  JobInput,
  JobRef,
  NotNow,
  PublishEnd,
  Session,
  Spent,
  Trouble,
} from '../contract/messages.js';
import { jobActivities } from './activity-options.js';
import { noteState } from './attributes.js';
import { Gate, type Before } from './gate.js';
import { JobDetails } from './job-details.js';
import { jobFailure, type StoppedState } from './job-failure.js';

/**
 * Carries one job from agent to receipts. Owns the order of steps; does no I/O.
 *
 *  J1. No effect before the artifact is stored and has passed its checks.
 *  J2. Completed means a receipt for every effect. Anything else ends Failed or Cancelled, so that the engine itself
 *      refuses to repeat a finished job and allows an unfinished one.
 *  J3. Paused: no new session and no new effect; a session under way goes on.
 *  J4. An effect that needs a person's yes waits for it here, as long as it takes, and leaves its lane to others; so does a
 *      job whose destination is down.
 *  J5. A job may wait for days: before its history grows so long that the engine would end it, it goes on in a new one,
 *      from its first step; what it has done it finds in the ledger.
 */
export async function job(input: JobInput): Promise<JobOutcome> {
  const details = new JobDetails(input);
  const { ticket, work, batchId, manifest } = input;
  const gate = new Gate({
    paused: input.paused,
    joinedBy: input.joinedBy ?? [],
    job: { work, key: ticket.key },
    timing: input.timing,
    details,
    goOnAnew: (paused, joinedBy) =>
      continueAsNew<typeof job>({ ...input, paused, joinedBy, ...(sent && { sent }) }),
  });
  const activities = jobActivities(input.timing);
  const ref: JobRef = {
    work,
    batchId,
    manifest,
    key: ticket.key,
    offset: ticket.offset,
    length: ticket.length,
  };
  const finished = (state: 'done' | 'adopted'): JobOutcome => ({
    state,
    fingerprint: ticket.fingerprint,
    revision: ticket.revision,
    effectKeys: ticket.effectKeys,
    ...spent,
  });
  let spent: Spent = {};
  let sent = input.sent === true;

  try {
    const made = await gate.pass<Exclude<AgentEnd, NotNow>>('agent', (before) =>
      activities.runAgent.executeWithOptions({ summary: `agent: ${ticket.title}` }, [
        { ...ref, ...toldOf(before), ...(before.waits > 0 && { waits: before.waits }) },
      ]),
    );
    if (made.kind === 'adopted') return finished('adopted');
    if (made.spentMicros !== undefined) {
      const { spentMicros, costUnknown } = made;
      spent = { spentMicros, ...(costUnknown !== undefined && { costUnknown }) };
    }
    if ('errorClass' in made) throw stop('agent', made.kind, made, made);
    details.made(made.sha256, made, spent);

    const leftOut: string[] = [];
    for (const effect of input.effects) {
      const end = await gate.pass<Exclude<PublishEnd, NotNow>>(effect, (before) =>
        activities.publish.executeWithOptions({ summary: `${effect}: ${ticket.title}` }, [
          { ...ref, effect, artifact: made.sha256, ...toldOf(before) }, // J1
        ]),
      );
      if ('errorClass' in end) throw stop(effect, end.kind, end);
      if (end.kind === 'left-out') leftOut.push(effect);
      else details.landed(effect, end.kind, end.url);
      sent ||= end.kind === 'landed';
    }
    if (leftOut.length > 0) {
      const message = `left out by the plan of this run: ${leftOut.join(', ')}`;
      await settle({ state: 'held', errorClass: 'conflict', message });
      throw stop('effects', 'held', { errorClass: 'conflict', message, decided: true });
    }
    return finished(sent ? 'done' : 'adopted'); // J2
  } catch (error) {
    // A killed worker's step is not tried again once the job is cancelled: it fails, and is a cancellation all the same.
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) {
      details.show('job', 'cancelled');
      await settle({ state: 'cancelled' });
      throw isCancellation(error) ? error : new CancelledFailure('the job was cancelled');
    }
    if (error instanceof ActivityFailure) {
      const trouble = troubleOf(error);
      await settle({ state: 'parked', ...trouble });
      throw stop(error.activityType === 'publish' ? 'effects' : 'agent', 'parked', trouble);
    }
    throw error;
  }

  /** How the job ended, for people and filters; then for its batch. */
  function stop(
    step: string,
    state: StoppedState,
    trouble: Trouble,
    session: Session = {},
  ): ApplicationFailure {
    details.stopped(step, state, `${trouble.errorClass}: ${trouble.message}`, session, spent);
    if (input.stateAttributes) noteState(state, trouble.errorClass);
    return jobFailure(state, trouble, spent);
  }

  /** Writes an end that no Activity could write itself. */
  async function settle(end: JobEnd): Promise<void> {
    await CancellationScope.nonCancellable(() => activities.settleJob(ref, end));
  }
}

const toldOf = ({ tried, looks }: Before): Pick<AgentRequest, 'tried' | 'looks'> => ({
  ...(tried && { tried }),
  ...(looks && { looks }),
});

/** An Activity that gave up without a verdict of its own: retries exhausted, or a timeout. */
function troubleOf(failure: ActivityFailure): Trouble {
  const { cause } = failure;
  if (cause instanceof TimeoutFailure)
    return { errorClass: 'timeout', message: `${failure.activityType} timed out` };
  return { errorClass: 'bug', message: cause?.message ?? failure.message };
}
