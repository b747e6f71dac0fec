import { publish, Refused, write } from './naive.js';
import type { ScriptNight } from './night.js';

const TRIES = 3;

/**
 * The same script after its first bad night: every call, and every session, gets three tries, with a growing wait or
 * the one that the other side asks for. It still keeps no record, still can't tell an answer that was lost from work
 * that was not done, and still starts from the top in the morning.
 */
export async function naiveWithRetries(night: ScriptNight): Promise<void> {
  const tried = <T>(step: () => Promise<T>): Promise<T> => retried(step, night);
  for (const job of night.jobs) {
    const text = await tried(() => write(job, night, tried));
    await tried(() => publish(job, text, night));
  }
}

async function retried<T>(step: () => Promise<T>, night: ScriptNight): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await step();
    } catch (error) {
      if (tries === TRIES) throw error;
      const asked = error instanceof Refused ? night.minutesIn(error.retryAfterMs ?? 0) : 0;
      await night.sleep(Math.max(tries, asked));
    }
  }
}
