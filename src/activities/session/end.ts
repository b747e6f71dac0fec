import { cancellationDetails, cancellationSignal, log } from '@temporalio/activity';
import type { ArtifactRef } from '../../contract/artifact.js';
import { AdapterError, type ErrorClass } from '../../contract/errors.js';
import type { AgentEnd } from '../../contract/messages.js';
import { MINUTE_MS } from '../../contract/units.js';
import { withoutSleep } from '../../host-sleep.js';
import { NOTHING_USED, type FailedSession as Failed, type SessionEnd } from '../../ledger/ledger.js';
import { jitterOf } from '../../policy/jitter.js';
import { STATE_AFTER, afterSession, whyOf, type Excuse, type Next } from '../../policy/retry.js';
import { withTimeLimit } from '../../time-limit.js';
import { failingForMs, retryAfter, triedBefore } from '../failure.js';
import { notePassed } from '../heartbeat.js';
import { reportTrouble, SERVICE_TROUBLE } from '../lanes/lane-of.js';
import type { SessionHandle } from '../providers/provider.js';
import { noteStep } from '../../telemetry/step.js';
import { endAtService, release, type LeftSession } from './end-at-service.js';
import { beginEnding } from './ending.js';
import { ask, isRemote, type SessionScope } from './scope.js';
import { sessionName } from './session-name.js';
import { usageFacts } from './usage-facts.js';
import type { SessionOver } from './watch.js';

/** Books a session whose artifact is stored. Of one that is unchecked the job has nothing yet, and the session is over. */
export async function bookSession(
  scope: SessionScope,
  handle: SessionHandle,
  end: Extract<SessionEnd, { state: 'collected' }>,
): Promise<AgentEnd> {
  const { deps, session, claim, provider, lane, reached } = scope;
  await deps.ledger.endSession(session, end, claim.fence); // RA3
  // A program of this host says only by its end that the service behind it takes sessions again.
  if (!isRemote(provider)) await lane.report('written');
  noteStep(usageFacts(end.usage));
  await leave(scope, end, true);
  await reached('A10');
  await free(scope, handle);
  return { kind: 'made', sha256: end.artifact.sha256, ...sessionName(handle) };
}

/** What the ledger is told of a session that is over and has made nothing. */
export async function failureOf(
  scope: SessionScope,
  handle: SessionHandle,
  over: Exclude<SessionOver, { kind: 'succeeded' }>,
): Promise<Failed> {
  const { message } = over;
  if (over.kind === 'lost' && (over.neverRan || (await isSurelyNone(scope, handle)))) {
    // As a start that was refused: it costs no session, and is tried for as long as patience lasts.
    await scope.context.save({ ...handle, phase: 'prepared' });
    return { state: 'failed', errorClass: 'transient', message, usage: NOTHING_USED };
  }
  const usage = await ask(scope, 'usage', () => scope.provider.usage(handle, scope.context));
  return over.kind === 'lost'
    ? { state: 'lost', errorClass: 'lost', message, usage }
    : { state: 'failed', errorClass: over.errorClass, message, usage };
}

/** Whether a start that got no answer began nothing, by the word of a service whose look-up is sure. */
async function isSurelyNone(scope: SessionScope, handle: SessionHandle): Promise<boolean> {
  const { provider, request, context } = scope;
  if (handle.phase !== 'start-sent' || provider.facts.find !== 'exact') return false;
  return (await ask(scope, 'find', () => provider.find(request, handle, context))).kind === 'none';
}

/** What the ledger is told of a start that came to nothing. A lost one may have run unseen, and counts as waste. */
export const notStarted = ({ errorClass, message }: AdapterError): Failed => ({
  state: errorClass === 'lost' ? 'lost' : 'failed',
  errorClass,
  message,
  usage: NOTHING_USED,
});

/** What the service said with it, and what its lane knows. */
interface SaidOfEnd {
  readonly hintMs?: number | undefined;
  readonly needsPerson?: true | undefined;
  readonly excuse?: Excuse | undefined;
}

/**
 * Books a session that came to nothing, and does what the policy says next.
 * @throws ApplicationFailure when the step is to be tried again soon
 */
export async function failSession(
  scope: SessionScope,
  handle: SessionHandle | undefined,
  failed: Failed,
  { hintMs, needsPerson, excuse }: SaidOfEnd = {},
): Promise<AgentEnd> {
  const { deps, session, claim } = scope;
  const { errorClass } = failed;
  const ran = (handle !== undefined && scope.lastSaved()?.phase !== 'prepared') || failed.state === 'lost';
  const judged = judge(scope, failed, ran, { hintMs, excuse });
  if (handle !== undefined) await toldAtEnd(scope, failed, { hintMs, needsPerson });
  const artifact = failed.artifact ?? (await leftOver(scope, handle, failed));
  const { job } = judged;
  await deps.ledger.endSession(
    session,
    { ...failed, ...(artifact && { artifact }), ...(job && { job }) },
    claim.fence,
  );
  if (ran) notePassed('step'); // another session is another step
  noteStep(usageFacts(failed.usage));
  await leave(scope, failed, ran);
  const left = handle ?? scope.lastSaved(); // a start that failed may have made something ready
  if (left) await free(scope, left, handle === undefined || errorClass === 'conflict');
  return endOf(failed, judged, handle, excuse);
}

/**
 * The same of a session that was booked before its artifact could be checked: of its service and its lane nothing is left.
 * @throws as `failSession`
 */
export async function failBooked(
  scope: Judging,
  handle: SessionHandle | undefined,
  failed: Failed,
): Promise<AgentEnd> {
  const judged = judge(scope, failed, true);
  const { job } = judged;
  await scope.deps.ledger.endSession(scope.session, { ...failed, ...(job && { job }) }, scope.claim.fence);
  notePassed('step');
  return endOf(failed, judged, handle);
}

type Judging = Pick<SessionScope, 'definition' | 'retry' | 'session' | 'claim'> & {
  readonly deps: Pick<SessionScope['deps'], 'ledger' | 'now'>;
};

type Judged =
  | { readonly next: Extract<Next, { kind: 'again' | 'wait' }>; readonly job?: undefined }
  /** No other session follows. */
  | { readonly next: Exclude<Next, { kind: 'again' | 'wait' }>; readonly job: ReturnType<typeof stopped> };

/** What the policy says of a session that came to nothing. */
function judge(
  { deps, retry, session, claim, definition }: Judging,
  failed: Failed,
  ran: boolean,
  { hintMs, excuse }: SaidOfEnd = {},
): Judged {
  const { errorClass } = failed;
  const nowMs = deps.now().getTime();
  const present = { errorClass, ran, sha256: failed.artifact?.sha256, endedAt: nowMs };
  const jitter = jitterOf(`${session.runKey}:${session.attempt}`);
  const { outward } = definition.agent;
  const failingMs = excuse ? failingForMs() : 0;
  const how = { jitter, hintMs, outward, excuse, failingMs };
  const earlier = claim.failures.map((failure) => ({ ...failure, endedAt: withoutSleep(failure.endedAt) }));
  const next = afterSession([...earlier, present], retry, how);
  if (next.kind === 'again' || next.kind === 'wait') return { next };
  return { next, job: stopped(next, failed, nowMs) };
}

/** @throws ApplicationFailure when the step is to be tried again soon */
function endOf(
  { errorClass, message }: Failed,
  { next, job }: Judged,
  handle: SessionHandle | undefined,
  excuse?: Excuse,
): AgentEnd {
  if (job !== undefined) {
    const { state, ...trouble } = job;
    return { kind: state, ...trouble, ...sessionName(handle) };
  }
  if (next.kind === 'again') throw retryAfter(errorClass, message, next.delayMs);
  const tried = excuse && triedBefore(excuse.failing === true);
  return { ...next, why: excuse?.why ?? `${message} (${next.why})`, ...(tried && { tried }) };
}

/** What a session was ended by is the service's own word on all others, also where a program of this host passes it on. */
async function toldAtEnd(
  { lane }: SessionScope,
  { errorClass, message }: Failed,
  { hintMs, needsPerson }: SaidOfEnd,
): Promise<void> {
  if (errorClass !== 'throttled' && errorClass !== 'exhausted') return;
  const facts = {
    ...(hintMs !== undefined && { retryAfterMs: hintMs }),
    ...(needsPerson && { needsPerson }),
  };
  await reportTrouble(lane, new AdapterError(errorClass, message, facts));
}

/** Of these the service has trouble of its own, and is asked for nothing more than must be. */
const ASKED_NO_MORE: ReadonlySet<ErrorClass> = new Set([...SERVICE_TROUBLE, 'auth']);

/** Longest that left-overs are waited for: nobody waits for the next try because of them. */
const LEFT_OVER_MS = 20_000;

/** Kept so that people see what a failed session had made. It decides nothing, and no trouble with it matters. */
async function leftOver(
  { provider, deps, context }: SessionScope,
  handle: SessionHandle | undefined,
  { state, errorClass }: Failed,
): Promise<ArtifactRef | undefined> {
  if (handle === undefined || state === 'lost' || ASKED_NO_MORE.has(errorClass)) return undefined;
  try {
    return await withTimeLimit(LEFT_OVER_MS, context.signal, async (signal) => {
      const output = await provider.leftOver?.(handle, { ...context, signal });
      return output && (await deps.artifacts.put(output.content, output.mime));
    });
  } catch (error) {
    const { message } = provider.classify(error, 'collect');
    log.warn('what a failed session has left could not be kept', { reason: message });
    return undefined;
  }
}

/** What a job is whose session is not followed by another one. */
const stopped = (
  next: Exclude<Next, { kind: 'again' | 'wait' }>,
  { errorClass, message }: Failed,
  nowMs: number,
) => ({
  state: STATE_AFTER[next.kind],
  // However a held session ended: what the job waits for is an answer that only a person can give.
  errorClass: next.kind === 'hold' ? ('unknown' as const) : errorClass,
  message: `${message} (${whyOf(next, nowMs)})`,
});

/**
 * What the ledger is told of a session that ended with its job. That one may run on is said of the job, too: it is what a
 * cancelled job leaves to a person.
 */
export function cancelled({ mayRunOn, unseen, ...left }: LeftSession): SessionEnd {
  const state = 'cancelled';
  if (mayRunOn === undefined) return { state, message: 'the job was cancelled', ...left, job: { state } };
  const trouble = { errorClass: 'lost', message: `the job was cancelled; ${mayRunOn}` } as const;
  return { state: unseen ? 'lost' : state, ...trouble, ...left, job: { state, ...trouble } };
}

/**
 * RA4: a worker that stops leaves its session alone; a cancelled job ends it, pays for it and frees it.
 * @returns what the Activity is to throw
 */
export async function afterCancel(
  scope: SessionScope,
  handle: SessionHandle | undefined,
  error: unknown,
): Promise<unknown> {
  const { deps, session, claim } = scope;
  const details = cancellationDetails();
  if (details?.workerShutdown) return retryAfter('transient', 'the worker stopped; the session goes on', 1);
  if (!details?.cancelRequested) return error;
  const reason: unknown = cancellationSignal().reason; // what was broken off by it has not failed
  if (!handle) return reason;
  // Our own signal is aborted, and nothing of this may be: neither its requests, nor the turns they take in the lane.
  const ending = await beginEnding(scope.definition, scope.lane, deps);
  await endAtService(ending, handle, (left) => deps.ledger.endSession(session, cancelled(left), claim.fence));
  await scope.lane.leave();
  return reason;
}

/** The session is over: its place in the lane is free. */
const leave = ({ lane }: SessionScope, { usage, state }: SessionEnd, hasRun: boolean): Promise<void> =>
  lane.leave({
    hasRun,
    tokens: usage.inputTokens + usage.outputTokens,
    micros: usage.costMicros,
    isPriced: usage.costSource !== 'none' || state === 'collected',
  });

/**
 * Of a booked session. Also where its job is cancelled, or its worker stops, meanwhile: nobody comes back to it.
 * @param isQuestion a person has to find out whether it ever began; of any other that is known by its end
 */
async function free(
  { provider, context, definition, lane, deps }: SessionScope,
  handle: SessionHandle,
  isQuestion = false,
): Promise<void> {
  const left =
    handle.phase === 'start-sent' && !isQuestion ? { ...handle, phase: 'started' as const } : handle;
  const isFree = !context.signal.aborted && (await release(provider, left, context));
  if (isFree || !context.signal.aborted) return;
  // Within what a worker that stops is given: nobody comes back to it.
  const ending = await beginEnding(definition, lane, deps, deps.graceOver, MINUTE_MS);
  await release(ending.provider, left, ending.context);
}
