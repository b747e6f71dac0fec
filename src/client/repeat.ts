import { setTimeout as sleep } from 'node:timers/promises';
import type { Asker } from './outages.js';

/**
 * Does something again and again, each time after the last has ended, until aborted. Rejects when it throws; but what
 * has worked once lives through outages.
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
      try {
        await step();
        hasWorked = true;
        asker.answered();
      } catch (error) {
        if (!hasWorked) throw error; // as from any command: it may be a wrong setting, which nobody waits out
        asker.missed(error);
      }
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    asker.left();
  }
}
