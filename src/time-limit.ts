import { setMaxListeners } from 'node:events';

/**
 * A signal that is aborted when its time is over, or another signal is.
 *
 * Instead of `AbortSignal.any([signal, AbortSignal.timeout(ms)])`: Node holds the signal of a timeout weakly, so a
 * garbage collection while something waits takes the time limit away, and the wait has no end
 * (https://github.com/nodejs/node/issues/57736). A timer holds on to what it calls.
 */
export interface TimeLimit {
  readonly signal: AbortSignal;
  /** The time begins anew. */
  readonly refresh: () => void;
  /** No time passes until `refresh`. */
  readonly hold: () => void;
  /** Lets go of the timer and of the other signal. Nothing is aborted any more. */
  readonly end: () => void;
}

/**
 * @param ms milliseconds; they keep no process alive
 * @param outer aborts before its time, with its own reason
 * @param reason what the signal is aborted with when its time is over: by default an error named `TimeoutError`
 */
export function timeLimit(ms: number, outer?: AbortSignal, reason: () => Error = timedOut): TimeLimit {
  const controller = new AbortController();
  const begin = () => setTimeout(() => controller.abort(reason()), ms).unref();
  let timer = begin();
  const hold = (): void => clearTimeout(timer);
  const stop = (): void => controller.abort(outer?.reason);
  // Many wait under one signal, and each takes its listener away again.
  for (const signal of [controller.signal, outer]) if (signal) setMaxListeners(0, signal);
  if (outer?.aborted) stop();
  outer?.addEventListener('abort', stop, { once: true });
  return {
    signal: controller.signal,
    hold,
    refresh: () => {
      hold();
      timer = begin();
    },
    end: () => {
      hold();
      outer?.removeEventListener('abort', stop);
    },
  };
}

/**
 * Runs work that gets a time limit's signal, and waits no longer than that, whether the work heeds it or not.
 * @throws what the work throws, or the reason of the signal
 */
export const withTimeLimit = <T>(
  ms: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => PromiseLike<T>,
): Promise<T> => within(timeLimit(ms, outer), work);

/** The same for a limit that is there already, and is let go of. */
export async function within<T>(limit: TimeLimit, work: (signal: AbortSignal) => PromiseLike<T>): Promise<T> {
  try {
    limit.signal.throwIfAborted();
    return await Promise.race([work(limit.signal), aborted(limit.signal)]);
  } finally {
    limit.end();
  }
}

/** Never gives anything. @throws the reason of the signal, when it is aborted */
export const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const give = () =>
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });

const timedOut = (): Error => new DOMException('The operation was aborted due to timeout', 'TimeoutError');
