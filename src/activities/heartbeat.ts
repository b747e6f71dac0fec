import { Context, activityInfo, heartbeat } from '@temporalio/activity';

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
 * Since when the present Activity has been failing, over its tries; undefined where nothing is wrong. How long a session
 * takes, or a place in the queue, is no failure.
 * @param what by default whichever of them has failed for longest
 */
export function failingSince(what?: Failing): number | undefined {
  const { failing } = pulseNow();
  if (what !== undefined) return failing[what];
  const since = Object.values(failing).filter((ms) => ms !== undefined);
  return since.length === 0 ? undefined : Math.min(...since);
}

/** It is about to fail. The heartbeat tells the next try since when; @param nowMs of this failure */
export function noteFailure(nowMs: number, what: Failing = 'step'): void {
  const pulse = pulseNow();
  if (pulse.failing[what] !== undefined) return; // it was handed on with the last heartbeat
  pulse.failing = { ...pulse.failing, [what]: nowMs };
  heartbeat(told(pulse));
}

/** It went well: what fails from now on is another failure. */
export function notePassed(what: Failing): void {
  const pulse = pulseNow();
  if (pulse.failing[what] === undefined) return;
  pulse.failing = { ...pulse.failing, [what]: undefined };
  heartbeat(told(pulse));
}

/**
 * It is about to fail of something unexpected. The heartbeat tells the next try how often it has, for the number of the
 * try counts all that it was tried again for: workers that died, starts that were refused.
 * @returns how often, this time included
 */
export function noteUnexpected(): number {
  const pulse = pulseNow();
  pulse.unexpected++;
  heartbeat(told(pulse));
  return pulse.unexpected;
}

/** In milliseconds since the epoch. */
type FailingSince = Readonly<Partial<Record<Failing, number | undefined>>>;

/** What is told with each heartbeat of one try. */
interface Pulse {
  details: () => unknown;
  failing: FailingSince;
  unexpected: number;
}

const PULSES = new WeakMap<Context, Pulse>();

function pulseNow(): Pulse {
  const context = Context.current();
  const known = PULSES.get(context);
  if (known !== undefined) return known;
  const {
    failingSinceMs: step,
    lookFailingSinceMs: look,
    unexpected,
  } = (context.info.heartbeatDetails ?? {}) as Readonly<Record<string, unknown>>;
  const pulse: Pulse = {
    details: () => undefined,
    failing: {
      ...(typeof step === 'number' && { step }),
      ...(typeof look === 'number' && { look }),
    },
    unexpected: typeof unexpected === 'number' ? unexpected : 0,
  };
  PULSES.set(context, pulse);
  return pulse;
}

function told({ details, failing: { step, look }, unexpected }: Pulse): unknown {
  if (step === undefined && look === undefined && unexpected === 0) return details();
  return {
    at: details(),
    ...(step !== undefined && { failingSinceMs: step }),
    ...(look !== undefined && { lookFailingSinceMs: look }),
    ...(unexpected > 0 && { unexpected }),
  };
}
