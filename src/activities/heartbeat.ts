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
 * Since when the present Activity has been failing, over its tries; undefined where nothing was wrong lately. How long
 * a session takes, or a place in the queue, is no failure.
 */
export const failingSince = (): number | undefined => pulseNow().failingSinceMs;

/** This try is about to fail. The heartbeat tells the next one since when; @param nowMs of this failure */
export function noteFailure(nowMs: number): void {
  const pulse = pulseNow();
  if (pulse.failingSinceMs !== undefined) return; // it was handed on with the last heartbeat
  pulse.failingSinceMs = nowMs;
  heartbeat(told(pulse));
}

/** Something went well: what fails from now on is another failure. */
export function notePassed(): void {
  const pulse = pulseNow();
  if (pulse.failingSinceMs === undefined) return;
  pulse.failingSinceMs = undefined;
  heartbeat(told(pulse));
}

/** What is told with each heartbeat of one try. */
interface Pulse {
  details: () => unknown;
  failingSinceMs: number | undefined;
}

const PULSES = new WeakMap<Context, Pulse>();

function pulseNow(): Pulse {
  const context = Context.current();
  const known = PULSES.get(context);
  if (known !== undefined) return known;
  const { failingSinceMs } = (context.info.heartbeatDetails ?? {}) as { readonly failingSinceMs?: unknown };
  const pulse: Pulse = {
    details: () => undefined,
    failingSinceMs: typeof failingSinceMs === 'number' ? failingSinceMs : undefined,
  };
  PULSES.set(context, pulse);
  return pulse;
}

const told = ({ details, failingSinceMs }: Pulse): unknown =>
  failingSinceMs === undefined ? details() : { at: details(), failingSinceMs };
