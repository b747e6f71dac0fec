import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  isCancellation,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import {
  FAILURE,
  type AgentEnd,
  type PublishEnd,
  type JobInput,
  type JobOutcome,
  type JobRef,
  type NotNow,
  type Trouble,
} from '../contract/messages.js';
import type { JobEnd } from '../ledger/ledger.js';
import { jobActivities } from './activity-options.js';
import { pauseSignal, resumeSignal } from './messages.js';

/**
 * Carries one job from agent to receipts. Owns the order of steps; does no I/O.
 *
 *  J1. No effect before the artifact is stored and has passed its checks.
 *  J2. Completed means a receipt for every effect. Anything else ends Failed or Cancelled, so that the engine itself
 *      refuses to repeat a finished job and allows an unfinished one.
 *  J3. Paused: no new session and no new effect; a session under way goes on.
 */
export async function job(input: JobInput): Promise<JobOutcome> {
  const gate = openGate(input.paused);
  const activities = jobActivities(input.timing);
  const { ticket, work, batchId, manifest } = input;
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
  });

  try {
    const made = await gate.pass<Exclude<AgentEnd, NotNow>>(() =>
      activities.runAgent.executeWithOptions({ summary: `agent: ${ticket.title}` }, [ref]),
    );
    if (made.kind === 'adopted') return finished('adopted');
    if ('errorClass' in made) throw stopped(made.kind, made);

    let sent = false;
    for (const effect of input.effects) {
      const end = await gate.pass<Exclude<PublishEnd, NotNow>>(() =>
        activities.publish.executeWithOptions({ summary: `${effect}: ${ticket.title}` }, [
          { ...ref, effect, artifact: made.sha256 }, // J1
        ]),
      );
      if ('errorClass' in end) throw stopped(end.kind, end);
      sent ||= end.kind === 'landed';
    }
    return finished(sent ? 'done' : 'adopted'); // J2
  } catch (error) {
    // A killed worker's step is not tried again once the job is cancelled: it fails, and is a cancellation all the same.
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) {
      await settle({ state: 'cancelled' });
      throw isCancellation(error) ? error : new CancelledFailure('the job was cancelled');
    }
    if (error instanceof ActivityFailure) {
      const trouble = troubleOf(error);
      await settle({ state: 'parked', ...trouble });
      throw stopped('parked', trouble);
    }
    throw error;
  }

  /** Writes an end that no Activity could write itself. */
  async function settle(end: JobEnd): Promise<void> {
    await CancellationScope.nonCancellable(() => activities.settleJob(ref, end));
  }
}

interface Gate {
  /** Runs a step when the job is not paused, again and again while the step itself says "not now". */
  pass<T extends Step>(step: () => Promise<T | NotNow>): Promise<T>;
}

type Step = { readonly kind: string };

function openGate(paused: boolean): Gate {
  let resumes = 0;
  setHandler(pauseSignal, () => void (paused = true));
  setHandler(resumeSignal, () => {
    paused = false;
    resumes++;
  });
  return {
    async pass<T extends Step>(step: () => Promise<T | NotNow>): Promise<T> {
      for (;;) {
        await condition(() => !paused);
        const resumesBefore = resumes;
        const end = await step();
        if (isNotNow(end, 'wait')) {
          setCurrentDetails(`Waiting: ${end.why}`);
          await sleep(end.delayMs);
          setCurrentDetails('');
        } else if (isNotNow(end, 'paused')) {
          // The ledger said "paused" before our signal came. A resume since then has the last word.
          paused = resumes === resumesBefore;
        } else return end;
      }
    },
  };
}

const isNotNow = <Kind extends NotNow['kind'], T extends Step>(
  end: T | NotNow,
  kind: Kind,
): end is Extract<NotNow, { kind: Kind }> => end.kind === kind;

const TYPE_OF = { parked: FAILURE.jobParked, held: FAILURE.jobHeld, gated: FAILURE.jobGated } as const;

function stopped(state: 'parked' | 'held' | 'gated', { errorClass, message }: Trouble): ApplicationFailure {
  const outcome: JobOutcome = { state, trouble: { errorClass, message } };
  return ApplicationFailure.nonRetryable(`${errorClass}: ${message}`, TYPE_OF[state], outcome);
}

/** An Activity that gave up without a verdict of its own: retries exhausted, or a timeout. */
function troubleOf(failure: ActivityFailure): Trouble {
  const { cause } = failure;
  if (cause instanceof TimeoutFailure)
    return { errorClass: 'timeout', message: `${failure.activityType} timed out` };
  return { errorClass: 'bug', message: cause?.message ?? failure.message };
}
