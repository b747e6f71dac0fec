import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { DEFAULT_LEVEL, type PauseLevel } from '../contract/holds.js';
import {
  FAILURE,
  PREFLIGHT,
  STOP_LOSS,
  type ApprovalAnswer,
  type ApprovedJob,
  type AskedByMessage,
  type BatchInput,
  type BatchSummary,
  type ControlRequest,
  type ControlState,
  type JobEndSeen,
  type Left,
  type Progress,
  type RetryRequest,
} from '../contract/messages.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import { canaryText } from '../policy/canary.js';
import { RETRY_EVENTS_MAX } from '../policy/shards.js';
import { batchActivities } from './activity-options.js';
import { noteState } from './attributes.js';
import { currentDetails } from './current-details.js';
import { Lanes } from './lanes.js';
import {
  approvalAnswerOf,
  approveSignal,
  approveUpdate,
  canaryOverSignal,
  concurrencyOf,
  controlRequestOf,
  decidedSignal,
  holdsChangedSignal,
  levelTrouble,
  pauseSignal,
  pauseUpdate,
  progressQuery,
  rejectSignal,
  rejectUpdate,
  resumeSignal,
  resumeUpdate,
  retryJobUpdate,
  setAsideSignal,
  setConcurrencySignal,
  setConcurrencyUpdate,
  shardAsideSignal,
  shardEndsSignal,
  type ConcurrencyRequest,
} from './messages.js';
import { Pauses } from './pauses.js';
import { Shards } from './shards.js';
import { StopLoss } from './stop-loss.js';
import { NAMED_MAX, Tally } from './tally.js';

/**
 * Carries a batch from its manifest to a summary. Owns the order of steps and the messages; does no I/O.
 *
 *  B1. Only jobs that `openBatch` found unfinished are started: directly while they are few, else by shards.
 *  B2. Completed means that every job is done, adopted, or discarded by a person. Otherwise the run ends Failed as
 *      BatchIncomplete, so that the engine refuses a second run of a finished batch and allows one of an unfinished batch.
 */
export async function batch(given: BatchInput): Promise<BatchSummary> {
  const { retry: _, ...input } = given; // its agent is pinned when it opens, for all that begin after that
  const { workflowId: batchId } = workflowInfo();
  const { openBatch, closeBatch, noteBatch, noteRequest, requeueJobs, askLeft, decideApprovals } =
    batchActivities(input.timing);

  const tally = new Tally(input.manifest.count);
  const { concurrency } = input;
  const { canary, paceMs } = input;
  const told = {
    ended: (end: JobEndSeen) => stopLoss.count([end]),
    canaryFailed: strike,
    change: showDetails,
  };
  const lanes = new Lanes(input, batchId, tally, { concurrency, canary, paceMs }, told);
  const toldOfShards = { ended: (ends: readonly JobEndSeen[]) => stopLoss.count(ends), change: showDetails };
  const shards = new Shards(input, batchId, tally, lanes, toldOfShards);
  const stopLoss = new StopLoss(input.stopLoss ?? [], lanes, shards, strike);
  const pauses = new Pauses(input, batchId, lanes, shards, { phase: () => phase, change: showDetails });
  let closedAs: string | undefined;
  let left: Left | undefined;
  let phase: 'opening' | 'open' | 'closing' = 'opening';
  let askedAt = 0;
  let retrying = 0;

  setHandler(progressQuery, progress, { description: 'Figures of this run' });
  const pause = (request: unknown) =>
    keeping('pause', request, () => setPaused(pauses.levelOf(request), request));
  const resume = (request: unknown) => keeping('resume', request, () => setPaused(undefined, request));
  setHandler(pauseUpdate, pause, {
    validator: assertLevel,
    description: 'Stand still: {"level": "admit" | "finish" | "freeze", "by", "reason"}',
  });
  setHandler(resumeUpdate, resume, { description: 'Go on after a pause' });
  setHandler(pauseSignal, async (request) => {
    const trouble = levelTrouble(request);
    if (trouble !== undefined) return refuse('pause', request, trouble);
    if (!pauses.isOutdated(controlRequestOf(request).admittedAt)) await pause(request);
    // The canary of a shard was under way when a person said "go on", and the shard has not heard of that yet.
    else if (!pauses.isWished) await shards.setPaused(pauses.level);
  });
  setHandler(resumeSignal, async (request) => void (await resume(request)));
  setHandler(holdsChangedSignal, () => pauses.holdsChanged());
  const widen = (value: number, request: unknown) =>
    keeping('concurrency', request, () => setConcurrency(value), `${value} at once`);
  setHandler(
    setConcurrencyUpdate,
    (request, more) => widen(concurrencyOf(request) ?? concurrency, more ?? request),
    { validator: assertConcurrency, description: 'Jobs in progress at once, 1 to 500' },
  );
  setHandler(setConcurrencySignal, async (request, more) => {
    const value = concurrencyOf(request);
    if (value !== undefined) await widen(value, more ?? request);
    else await refuse('concurrency', more ?? request, 'no whole number from 1 to 500');
  });
  const approve = (request: unknown) => decide(approvalAnswerOf('approved', request));
  const reject = (request: unknown) => decide(approvalAnswerOf('rejected', request));
  setHandler(approveUpdate, approve, {
    description: 'Let effects that wait leave: {"effect" | "job": KEY} or {"all": true}, "by", "reason"',
  });
  setHandler(rejectUpdate, reject, { description: 'Hold effects that wait; as approve' });
  setHandler(approveSignal, async (request) => void (await approve(request)));
  setHandler(rejectSignal, async (request) => void (await reject(request)));
  setHandler(setAsideSignal, (job) => lanes.setAside(job));
  setHandler(shardAsideSignal, (shard) => shards.setAside(shard));
  setHandler(shardEndsSignal, (ends) => shards.hear(ends));
  setHandler(canaryOverSignal, () => lanes.endCanary());
  setHandler(
    retryJobUpdate,
    async (request) => {
      retrying++;
      try {
        return await runAgain(request);
      } catch (error) {
        throw isCancellation(error) ? invalid(BEING_CANCELLED) : error;
      } finally {
        retrying--;
      }
    },
    { validator: assertTakesMore, description: 'Run parked jobs again with a fresh budget' },
  );
  setCurrentDetails(`Opening ${input.manifest.count} jobs`);

  try {
    const summaryText = `compare ${input.manifest.count} jobs with the ledger`;
    const opened = await openBatch.executeWithOptions({ summary: summaryText }, [given]);
    const { definition = input.manifest.definition } = opened;
    Object.assign(input, { manifest: { ...input.manifest, definition } });
    tally.open(opened);
    if (opened.pauseLevel !== undefined) await pauses.foundHeld(opened.pauseLevel);
    phase = 'open';
    lanes.add(opened.tickets); // B1
    shards.open(opened.slices);
    await shards.run();
    await lanes.run();
    // The last job ended while others were being given a new try: nobody else would run those.
    while (retrying > 0) {
      await condition(() => retrying === 0);
      await lanes.run();
    }
  } catch (error) {
    // A killed worker's step is not tried again once the run is cancelled: it fails, and is a cancellation all the same.
    if (isCancellation(error) || CancellationScope.current().consideredCancelled) {
      await close('cancelled');
      throw isCancellation(error) ? error : new CancelledFailure('the batch was cancelled');
    }
    if (input.stateAttributes) noteState('incomplete');
    const by = phase === 'opening' && isRefusal(error) ? PREFLIGHT : 'batch';
    phase = 'closing'; // whoever waits for it to be open is told
    await noteBatch(batchId, 'incomplete', { by, reason: messageOf(error) });
    throw error;
  }

  if (tally.finished < input.manifest.count) await lookAtLeft();
  const summary = summarise();
  const complete = tally.finished + (left?.discarded ?? 0) === input.manifest.count;
  await close(complete ? 'completed' : 'incomplete');
  if (complete) return summary;
  throw ApplicationFailure.nonRetryable(incompleteText(summary), FAILURE.batchIncomplete, summary); // B2

  async function runAgain(request: RetryRequest): Promise<string[]> {
    // What it opens with is not known before: a job might be begun twice.
    if (phase === 'opening' && patched('retry-when-opened')) {
      await condition(() => phase !== 'opening');
      assertTakesMore(request);
    }
    const tickets = await requeueJobs(input, request);
    // The ledger knew that they had stopped before their runs could tell.
    const ending = new Set(tickets.map(({ key }) => key).filter((key) => lanes.isUnderWay(key)));
    if (ending.size > 0 && patched('retry-when-ended'))
      await condition(() => ![...ending].some((key) => lanes.isUnderWay(key)));
    // What was discarded, or parked by a shard that is not over, is not in the tally.
    const isNew = (key: string) => tally.forget(key) || !(ending.has(key) || lanes.has(key));
    const again = tickets.filter(({ key }) => isNew(key));
    if (shards.areUnderWay) shards.add(again);
    else lanes.add(again);
    await noteAsked('retry', request, `jobs again: ${tickets.length}`, 'done');
    if (again.length > 0 && CancellationScope.current().consideredCancelled) throw invalid(BEING_CANCELLED);
    return tickets.map(({ key }) => key);
  }

  function assertTakesMore(_request: RetryRequest): void {
    const when = 'give them their new try when it has ended';
    if (CancellationScope.current().consideredCancelled) throw invalid(BEING_CANCELLED);
    if (phase === 'closing')
      throw ApplicationFailure.nonRetryable(`this run is about to end: ${when}`, FAILURE.runEnds);
    const { stoppedBy } = lanes;
    if (stoppedBy) throw invalid(`this run begins nothing more (${stoppedBy.errorClass}): ${when}`);
    if (workflowInfo().historyLength >= RETRY_EVENTS_MAX)
      throw invalid(`this run has no room for more jobs: ${when}`);
  }

  function control(): ControlState {
    const inFlight = lanes.inFlightCount + shards.inFlightCount;
    const state = lanes.isPaused ? (inFlight > 0 ? 'pausing' : 'paused') : 'running';
    const level = lanes.pauseLevel;
    return { state, ...(level && { level }), inFlight, concurrency: lanes.concurrency };
  }

  function progress(): Progress {
    const { state, inFlight } = control();
    return {
      ...tally.counts,
      ...left,
      state: phase !== 'open' ? phase : lanes.stoppedBy ? 'stopping' : state,
      inFlight,
      waiting: lanes.waiting + shards.waiting,
      reason: lanes.stoppedBy?.message ?? whyFew(),
    };
  }

  function showDetails(): void {
    const { state, ...figures } = progress();
    setCurrentDetails(currentDetails(input, { progress: figures, state: closedAs ?? state, tally, lanes }));
  }

  /** Does what a person asks for, and keeps who it was. Neither waits for the other: a pause is urgent. */
  async function keeping<T>(
    what: AskedByMessage['what'],
    request: unknown,
    act: () => Promise<T>,
    said?: string,
  ): Promise<T> {
    const outcome = phase === 'closing' ? 'ended' : 'done';
    const [done] = await Promise.all([act(), noteAsked(what, request, said, outcome)]);
    return done;
  }

  /** A signal has no answer: who looks for what came of it finds it in the log and in the ledger. */
  async function refuse(what: AskedByMessage['what'], request: unknown, why: string): Promise<void> {
    const said = `${why}; left as it is`;
    log.warn(`${what}: ${said}`);
    await noteAsked(what, request, said, 'refused');
  }

  async function noteAsked(
    what: AskedByMessage['what'],
    request: unknown,
    said: string | undefined,
    outcome: AskedByMessage['outcome'],
  ): Promise<void> {
    const { by, reason: why, noted: isNoted, admittedAt } = controlRequestOf(request);
    if (isNoted || admittedAt !== undefined) return;
    askedAt = Math.max(Date.now(), askedAt + 1);
    const { name, key, work } = input;
    const reason = [said, why].filter((text) => text !== undefined).join(': ');
    const asked = {
      batch: { id: batchId, name, key },
      work,
      runId: workflowInfo().runId,
      what,
      by,
      ...(reason !== '' && { reason }),
      outcome,
      at: new Date(askedAt).toISOString(),
    };
    await CancellationScope.nonCancellable(() => noteRequest(asked));
  }

  async function setPaused(level: PauseLevel | undefined, request: unknown): Promise<ControlState> {
    await pauses.set(level, request);
    return control();
  }

  /** What is left is held, not failed: after the fix, a resume goes on with it. */
  function strike(reason: string): void {
    const done = pauses.set(DEFAULT_LEVEL, { by: STOP_LOSS, reason });
    done.catch(() => undefined); // the run itself fails when its ledger can't be written
  }

  /** Why lanes are free while jobs wait. */
  function whyFew(): string | undefined {
    if (canary === undefined || lanes.isCanaryOver) return undefined;
    return lanes.waiting + shards.waiting > 0 ? canaryText(canary) : undefined;
  }

  async function setConcurrency(value: number): Promise<ControlState> {
    lanes.concurrency = value;
    await shards.shareOut();
    return control();
  }

  /** The job is told by itself: one that a shard, or another batch, started is none of our children. */
  async function decide(answer: ApprovalAnswer): Promise<readonly ApprovedJob[]> {
    const jobs = await decideApprovals({ ...answer, batchId });
    const tell = ({ work, jobKey }: ApprovedJob) =>
      getExternalWorkflowHandle(jobWorkflowId({ work, jobKey })).signal(decidedSignal);
    // One that has ended asks the ledger at its next start.
    for (const some of toldTogether(jobs)) await Promise.allSettled(some.map(tell));
    return jobs;
  }

  /** A job that was parked when it ended here may have been discarded since, or by another batch. */
  async function lookAtLeft(): Promise<void> {
    phase = 'closing';
    left = await CancellationScope.nonCancellable(() => askLeft(batchId));
  }

  function summarise(): BatchSummary {
    const waiting = lanes.waiting + shards.waiting;
    const aside = lanes.inFlightCount + shards.leftAside;
    return {
      batchId,
      ...tally.counts,
      ...left,
      waiting,
      ...(aside > 0 && { aside }),
      unfinished: tally.unfinished(NAMED_MAX),
      stoppedBy: lanes.stoppedBy,
    };
  }

  async function close(state: 'completed' | 'incomplete' | 'cancelled'): Promise<void> {
    const unopened = phase === 'opening' ? input : undefined;
    phase = 'closing';
    await CancellationScope.nonCancellable(async () => {
      await pauses.settled;
      if (input.stateAttributes) noteState(state, lanes.stoppedBy?.errorClass);
      const request = { batchId, state, ...(unopened && { unopened }) };
      await closeBatch.executeWithOptions({ summary: `note the end: ${state}` }, [request]);
      await condition(allHandlersFinished);
    });
    closedAs = state;
    showDetails();
  }
}

/** Whoever cancels it wants no other run of it, unless somebody says so. */
const BEING_CANCELLED = 'this run is being cancelled: start the batch again when it has ended';

/** The engine refuses a Workflow that has more than 2,000 signals on their way. */
const TOLD_AT_ONCE = 200;

/** Those who wait for an answer, in parts. */
function toldTogether(jobs: readonly ApprovedJob[]): (readonly ApprovedJob[])[] {
  const waiting = jobs.filter(({ waits }) => waits !== false);
  return Array.from({ length: Math.ceil(waiting.length / TOLD_AT_ONCE) }, (_, at) =>
    waiting.slice(at * TOLD_AT_ONCE, (at + 1) * TOLD_AT_ONCE),
  );
}

/** Of credentials or configuration, by what opened the run. */
function isRefusal(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof ApplicationFailure && (cause.type === 'auth' || cause.type === 'config');
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function assertLevel(request?: unknown): void {
  const trouble = levelTrouble(request);
  if (trouble !== undefined) throw invalid(trouble);
}

function assertConcurrency(request: ConcurrencyRequest, _more?: ControlRequest): void {
  if (concurrencyOf(request) === undefined)
    throw invalid(`concurrency must be a whole number from 1 to 500, not ${JSON.stringify(request)}`);
}

const invalid = (message: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(message, 'InvalidRequest');

function incompleteText({
  jobs,
  done,
  adopted,
  parked,
  held,
  cancelled,
  discarded = 0,
  waiting,
  aside = 0,
  stoppedBy,
}: BatchSummary): string {
  const rest = [
    [parked, 'parked'],
    [held, 'held'],
    [cancelled, 'cancelled'],
    [discarded, 'discarded'],
    [aside, 'waiting for a person'],
    [waiting, 'not started'],
  ] as const;
  const words = rest.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  const why = stoppedBy ? `; stopped by ${stoppedBy.errorClass}: ${stoppedBy.message}` : '';
  return `${done + adopted} of ${jobs} jobs finished; ${words.join(', ')}${why}`;
}
