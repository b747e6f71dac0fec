import type { PublisherContext } from './publishers/publisher.js';

/** The longest request of our publishers takes a minute unless told otherwise; the worker waits for longer than this. */
export const GRACE_MS = 75_000;

export interface StoppableContext extends PublisherContext {
  /** @param signal instead of the own one */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/**
 * For what has begun to act on the outside: a job that is cancelled, or a worker that stops, leaves it time for its
 * answer, for without one nobody knows whether it landed. Whoever uses it looks at the signal that was given itself
 * before anything is sent.
 */
export async function withGrace<T>(
  context: StoppableContext,
  act: (context: PublisherContext) => Promise<T>,
  graceMs = GRACE_MS,
): Promise<T> {
  const late = new AbortController();
  const { signal } = late;
  let timer: NodeJS.Timeout | undefined;
  const stopped = (): void => {
    timer = setTimeout(() => late.abort(context.signal.reason), graceMs);
  };
  if (context.signal.aborted) stopped();
  else context.signal.addEventListener('abort', stopped, { once: true });
  try {
    return await act({ ...context, signal, sleep: (ms) => context.sleep(ms, signal) });
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', stopped);
  }
}
