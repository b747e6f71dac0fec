import { setTimeout as sleep } from 'node:timers/promises';
import type { Asker } from './outages.js';

/**
 * A step takes no more than a tenth of the time: to look at 200,000 jobs takes most of a second, in which a worker hosted
 * here does nothing else where its ledger is a file.
 */
const REST = 9;
const REST_MAX_MS = 10_000;

/**
 * Does something again and again, each time after the last has ended, until aborted. Rejects when it throws; but what
 * has worked once lives through outages.
 * @param everyMs what lies between two times, or more where it takes long; what fails is soon tried again
 */
export async function repeat(
  everyMs: number,
  signal: AbortSignal,
  asker: Asker,
  step: () => Promise<unknown>,
): Promise<void> {
  let hasWorked = false;
  try {
    while (!signal.aborted) {
      const begun = performance.now();
      let restMs = everyMs;
      try {
        await step();
        hasWorked = true;
        restMs = Math.max(everyMs, Math.min(REST_MAX_MS, REST * (performance.now() - begun)));
        asker.answered();
      } catch (error) {
        if (!hasWorked) throw error; // as from any command: it may be a wrong setting, which nobody waits out
        asker.missed(error);
      }
      await sleep(restMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    asker.left();
  }
}
