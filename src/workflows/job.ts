import type { ApplicationFailure } from '@temporalio/common';
import { ActivityFailure, CancelledFailure, TimeoutFailure } from '@temporalio/common';
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  getExternalWorkflowHandle,
  patched,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { JobOutcome } from '../contract/job-outcome.js';
import {
  type AgentEnd,
  type JobEnd,
  type PublishEnd,
  type JobInput,
  type JobRef,
  type Joiner,
  type ApprovalAnswer,
  type NotNow,
  type Session,
  type SetAside,
  type Spent,
  type Timing,
  type TriedBefore,
  type Trouble,
} from '../contract/messages.js';
import { batchActivities, jobActivities } from './activity-options.js';
import { noteState } from './attributes.js';
import { JobDetails } from './job-details.js';
import { jobFailure, jobYielded, type StoppedState } from './job-failure.js';
import {
  approvalAnswerOf,
  approveSignal,
  decidedSignal,
  joinedSignal,
  laneSignal,
  pauseSignal,
  rejectSignal,
  resumeSignal,
  setAsideSignal,
} from './messages.js';

/**
 * Carries one job from agent to receipts. Owns the order of steps; does no I/O.
 *
 *  J1. No effect before the artifact is stored and has passed its checks.
 *  J2. Completed means a receipt for every effect. Anything else ends Failed or Cancelled, so that the engine itself
 *      refuses to repeat a finished job and allows an unfinished one.
 *  J3. Paused: no new session and no new effect; a session under way goes on.
 *  J4. An effect that needs a person's yes waits for it here, as long as it takes, and leaves its lane to others.
 *  J5. A job may wait for days: before its history grows so long that the engine would end it, it goes on in a new one,
 *      from its first step; what it has done it finds in the ledger.
 */
export async function job(input: JobInput): Promise<JobOutcome> {
  const details = new JobDetails(input);
  const { ticket, work, batchId, manifest } = input;
  const gate = openGate(input.paused, {
    joinedBy: input.joinedBy ?? [],
    mayYield: () => input.yields === true && !sent,
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
    const made = await gate.pass<Exclude<AgentEnd, NotNow>>('agent', (waits, tried) =>
      activities.runAgent.executeWithOptions({ summary: `agent: ${ticket.title}` }, [
        { ...ref, ...(waits > 0 && { waits }), ...(tried && { tried }) },
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
      const end = await gate.pass<Exclude<PublishEnd, NotNow>>(effect, (_waits, tried) =>
        activities.publish.executeWithOptions({ summary: `${effect}: ${ticket.title}` }, [
          { ...ref, effect, artifact: made.sha256, ...(tried && { tried }) }, // J1
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
    if (error instanceof Yields) {
      details.show('job', 'lets others go first');
      await settle({ state: 'waiting' });
      throw jobYielded(error.message);
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

/** Jobs begun by older releases sleep through. */
const RESUME_WAKES = 'resume-wakes-waits';

/** Jobs begun by older releases tell nobody but the batch that started them. */
const TELLS_JOINERS = 'tells-joiners';

/** Histories of jobs begun by older releases grow until the engine ends them. */
const WAITS_GO_ON_ANEW = 'waits-go-on-anew';

/** The job lets others go first. */
class Yields extends Error {}

interface Gate {
  /**
   * Runs a step when the job is not paused, again and again while the step itself says "not now".
   * @param call told how often in a row it has said "wait", and what it said of its tries
   */
  pass<T extends Step>(name: string, call: Call<T>): Promise<T>;
}

type Call<T> = (waits: number, tried: TriedBefore | undefined) => Promise<T | NotNow>;

type Step = { readonly kind: string };

/** Jobs begun by older releases go on at once, however many do. */
const ASKS_FOR_LANE = 'asks-for-lane';

/** Longest that a lane is waited for: a batch that an older release carries never answers. */
const LANE_ANSWER_MS = 6 * 60 * 60_000;

/** An answer that got lost on its way is found at the latest after this time. */
const ASK_AGAIN_MS = 60 * 60_000;

interface GateOptions {
  readonly job: Pick<JobRef, 'work' | 'key'>;
  readonly timing: Timing;
  readonly details: JobDetails;
  /** Those who wait for it, beside the batch that started it. */
  readonly joinedBy: readonly Joiner[];
  /** Whether others may go first now. */
  readonly mayYield: () => boolean;
  /** J5. Never returns. */
  readonly goOnAnew: (paused: boolean, joinedBy: readonly Joiner[]) => Promise<never>;
}

function openGate(
  paused: boolean,
  { job: { work, key }, timing, details, joinedBy, mayYield, goOnAnew }: GateOptions,
): Gate {
  const { decideApprovals } = batchActivities(timing);
  let resumes = 0;
  let decisions = 0;
  let waiting = false;
  let stands = false;
  let lanes = 0;
  const joiners = new Map(joinedBy.map((joiner) => [joiner.workflowId, joiner]));
  setHandler(joinedSignal, async (joiner) => {
    if (!patched(TELLS_JOINERS)) return;
    joiners.set(joiner.workflowId, joiner);
    if (waiting || stands) await tell(joiner, { waiting: true });
  });
  setHandler(laneSignal, () => void lanes++);
  setHandler(pauseSignal, () => void (paused = true));
  setHandler(resumeSignal, () => {
    paused = false;
    resumes++;
  });
  setHandler(decidedSignal, () => void decisions++);
  setHandler(approveSignal, (request) => decide(approvalAnswerOf('approved', request)));
  setHandler(rejectSignal, (request) => decide(approvalAnswerOf('rejected', request)));
  return {
    async pass<T extends Step>(name: string, call: Call<T>): Promise<T> {
      let tried: TriedBefore | undefined;
      try {
        for (let waits = 0; ;) {
          if (paused) {
            details.paused(name);
            await standStill();
          }
          details.begun(name);
          const resumesBefore = resumes;
          const decisionsBefore = decisions;
          const end = await call(waits, tried);
          waits = isNotNow(end, 'wait') ? waits + 1 : 0;
          tried = isNotNow(end, 'wait') ? end.tried : undefined;
          if (isNotNow(end, 'wait')) {
            if (end.yields && mayYield()) throw new Yields(end.why);
            details.waits(name, end.why, end.delayMs);
            // Whoever opens a lane by hand, or lifts a pause, need not wait out what was said before.
            if (patched(RESUME_WAKES)) await condition(() => resumes > resumesBefore, end.delayMs);
            else await sleep(end.delayMs);
            if (workflowInfo().continueAsNewSuggested && patched(WAITS_GO_ON_ANEW)) {
              await setAside(false);
              await condition(allHandlersFinished); // last, so that no resume comes between
              await goOnAnew(paused, [...joiners.values()]);
            }
          } else if (isNotNow(end, 'approval')) {
            details.asks(name, end.why);
            await setAside(true);
            const mostMs = Math.min(end.delayMs ?? ASK_AGAIN_MS, ASK_AGAIN_MS);
            const isDecided = await condition(() => decisions > decisionsBefore, mostMs);
            if ((isDecided || mostMs === end.delayMs) && patched(ASKS_FOR_LANE)) await backInLane();
          } else if (isNotNow(end, 'paused')) {
            // The ledger said "paused" before our signal came. A resume since then has the last word.
            paused = resumes === resumesBefore;
          } else return end;
        }
      } finally {
        await CancellationScope.nonCancellable(() => setAside(false));
      }
    },
  };

  /** Its batch, and those who have joined it, give its lane to another job meanwhile. */
  async function setAside(value: boolean): Promise<void> {
    if (waiting === value) return;
    waiting = value;
    const { parent } = workflowInfo();
    await Promise.all([parent && tell(parent, { waiting }), tellJoiners(waiting)]);
  }

  /** J4. It goes on when its batch has a lane for it; at once where there is no batch any more, or another one joins it. */
  async function backInLane(): Promise<void> {
    const { parent } = workflowInfo();
    if (!waiting) return;
    waiting = false;
    const [lanesBefore, resumesBefore] = [lanes, resumes];
    await tellJoiners(false);
    if (parent && (await tell(parent, { waiting, asks: true })))
      await condition(() => lanes > lanesBefore || resumes > resumesBefore, LANE_ANSWER_MS);
  }

  /** A pause holds the lanes of its own batch, but not those of others. */
  async function standStill(): Promise<void> {
    stands = true;
    await tellJoiners(true);
    await condition(() => !paused);
    stands = false;
    await tellJoiners(false);
  }

  async function tellJoiners(isAway: boolean): Promise<void> {
    await Promise.all([...joiners.values()].map((joiner) => tell(joiner, { waiting: isAway })));
  }

  /** @returns false for one that is gone, and needs not be told */
  async function tell({ workflowId, runId }: Joiner, how: Omit<SetAside, 'key'>): Promise<boolean> {
    const handle = getExternalWorkflowHandle(workflowId, runId);
    return handle.signal(setAsideSignal, { key, ...how }).then(
      () => true,
      () => false,
    );
  }

  /** Only what a person could look at while it waited is decided; what came too early is not. */
  async function decide(answer: ApprovalAnswer): Promise<void> {
    if (!waiting) return;
    await decideApprovals({ ...answer, effects: [], jobs: [key], all: false, work });
    decisions++;
  }
}

const isNotNow = <Kind extends NotNow['kind'], T extends Step>(
  end: T | NotNow,
  kind: Kind,
): end is Extract<NotNow, { kind: Kind }> => end.kind === kind;

/** An Activity that gave up without a verdict of its own: retries exhausted, or a timeout. */
function troubleOf(failure: ActivityFailure): Trouble {
  const { cause } = failure;
  if (cause instanceof TimeoutFailure)
    return { errorClass: 'timeout', message: `${failure.activityType} timed out` };
  return { errorClass: 'bug', message: cause?.message ?? failure.message };
}
