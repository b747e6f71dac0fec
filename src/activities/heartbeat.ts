import { Context, activityInfo, heartbeat } from '@temporalio/activity';
import type { ErrorClass } from '../contract/errors.js';
import type { FailedTries, TriedBefore } from '../contract/messages.js';

/**
 * Heartbeats until the returned function is called, three times within the timeout; the SDK sends as few of them
 * as it must. None at the start: on a hosted engine each one is paid for, and most Activities end before the first.
 * Cancellation reaches an Activity only in the answer to a heartbeat.
 * @param details newest details at each beat: a hint for people, the ledger is the truth
 */
export function keepAlive(details: () => unknown = () => undefined): () => void {
  const timeoutMs = activityInfo().heartbeatTimeoutMs ?? 30_000;
  const pulse = pulseNow();
  pulse.details = details;
  const timer = setInterval(() => heartbeat(told(pulse)), timeoutMs / 3);
  return () => clearInterval(timer);
}

/**
 * What of an Activity fails, each counted by itself: the looks at a session under way, or else its step. That a look
 * passes says nothing of a step that fails after it.
 */
export type Failing = 'look' | 'step';

/**
 * Goes on from what the step said of its tries when it last answered "wait". Its own earlier tries know better, where they
 * have told anything.
 */
export function goOnFrom(tried: TriedBefore | undefined): void {
  const pulse = pulseNow();
  if (tried === undefined || pulse.isNoted) return;
  pulse.streaks = {
    ...pulse.streaks,
    step: { sinceMs: tried.failingSinceMs, failed: tried.failed ?? {} },
  };
  pulse.isNoted = true;
}

/**
 * Since when the present Activity has been failing, over its tries; undefined where nothing is wrong. How long a session
 * takes, or a place in the queue, is no failure.
 * @param what by default whichever of them has failed for longest
 */
export function failingSince(what?: Failing): number | undefined {
  const { streaks } = pulseNow();
  if (what !== undefined) return streaks[what].sinceMs;
  const since = Object.values(streaks).flatMap(({ sinceMs }) => (sinceMs === undefined ? [] : [sinceMs]));
  return since.length === 0 ? undefined : Math.min(...since);
}

/**
 * How often it has failed since it last went well. The engine's number of a try would count workers that died, and
 * sessions that ended, as well.
 */
export const failedSoFar = (what: Failing): FailedTries => pulseNow().streaks[what].failed;

/** It is about to fail. The heartbeat tells the next try how often, and since when; @param nowMs of this failure */
export function noteFailure(errorClass: ErrorClass, nowMs: number, what: Failing = 'step'): void {
  const pulse = pulseNow();
  const { sinceMs = nowMs, failed } = pulse.streaks[what];
  const streak = { sinceMs, failed: { ...failed, [errorClass]: (failed[errorClass] ?? 0) + 1 } };
  pulse.streaks = { ...pulse.streaks, [what]: streak };
  if (what === 'step') pulse.answered = activityInfo().attempt;
  tell(pulse);
}

/** It went well: what fails from now on is another failure. */
export function notePassed(what: Failing): void {
  const pulse = pulseNow();
  const { sinceMs, failed } = pulse.streaks[what];
  const isNews = sinceMs !== undefined || Object.keys(failed).length > 0;
  const wasSilent = what === 'step' && silentTries() > 0;
  if (!isNews && !wasSilent) return;
  pulse.streaks = { ...pulse.streaks, [what]: NEVER_FAILED };
  if (wasSilent) pulse.answered = activityInfo().attempt;
  tell(pulse);
}

/** The present try ends with an error of its own: its worker is alive. */
export function noteAnswered(): void {
  const pulse = pulseNow();
  const { attempt } = activityInfo();
  if (pulse.answered === attempt) return;
  pulse.answered = attempt;
  tell(pulse);
}

/**
 * Tries just before this one of which nothing was heard again: they got nowhere, and their workers died or hung. Of those
 * before the first that counts, such as tries by an older release, nobody knows that.
 */
export function silentTries(): number {
  const pulse = pulseNow();
  const before = activityInfo().attempt - 1;
  if (pulse.answered === undefined && before > 0) {
    pulse.answered = before;
    tell(pulse);
  }
  return Math.max(0, before - (pulse.answered ?? 0));
}

interface Streak {
  /** In milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  readonly failed: FailedTries;
}
const NEVER_FAILED: Streak = { failed: {} };

/** What is told with each heartbeat of one try. The engine keeps it over the death of a worker. */
interface Pulse {
  details: () => unknown;
  streaks: Readonly<Record<Failing, Streak>>;
  /** Number of the last try that was heard of: it failed by itself, or got somewhere. Undefined: nobody has counted. */
  answered: number | undefined;
  /** There is something to tell. */
  isNoted: boolean;
}

const PULSES = new WeakMap<Context, Pulse>();

function pulseNow(): Pulse {
  const context = Context.current();
  const known = PULSES.get(context);
  if (known !== undefined) return known;
  const { failingSinceMs, failed, lookFailingSinceMs, lookFailed, answered } = (context.info
    .heartbeatDetails ?? {}) as Partial<Told>;
  const pulse: Pulse = {
    details: () => undefined,
    streaks: {
      step: { sinceMs: failingSinceMs, failed: failed ?? {} },
      look: { sinceMs: lookFailingSinceMs, failed: lookFailed ?? {} },
    },
    answered,
    isNoted: answered !== undefined || failingSinceMs !== undefined,
  };
  PULSES.set(context, pulse);
  return pulse;
}

function tell(pulse: Pulse): void {
  pulse.isNoted = true;
  heartbeat(told(pulse));
}

interface Told {
  readonly at: unknown;
  readonly failingSinceMs: number;
  readonly failed: FailedTries;
  readonly lookFailingSinceMs: number;
  readonly lookFailed: FailedTries;
  readonly answered: number;
}

function told({ details, streaks: { step, look }, answered, isNoted }: Pulse): unknown {
  if (!isNoted) return details();
  return {
    at: details(),
    ...(answered !== undefined && { answered }),
    failed: step.failed,
    ...(step.sinceMs !== undefined && { failingSinceMs: step.sinceMs }),
    ...(look.sinceMs !== undefined && { lookFailingSinceMs: look.sinceMs, lookFailed: look.failed }),
  } satisfies Partial<Told>;
}
