import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** No further try begins after this long, in milliseconds. */
  readonly forMs: number;
  /** True for trouble that passes by itself. */
  readonly passes: (error: unknown) => boolean;
  /** Milliseconds until the next try, of which `tries` failed. */
  readonly pauseMs: (tries: number) => number;
}

/** Tries again while the trouble is of the passing kind. The event loop is free between tries. */
export async function patiently<T>(act: () => T | Promise<T>, patience: Patience): Promise<T> {
  const giveUpAt = performance.now() + patience.forMs;
  for (let tries = 1; ; tries++) {
    try {
      return await act();
    } catch (error) {
      if (!patience.passes(error) || performance.now() >= giveUpAt) throw error;
      await sleep(patience.pauseMs(tries));
    }
  }
}
