import { publish, write } from './naive.js';
import type { ScriptNight } from './night.js';

const TRIES = 3;

/**
 * The same script after its first bad night: every step gets three tries with a growing wait. It still keeps no record,
 * still can't tell an answer that was lost from work that was not done, and still starts from the top in the morning.
 */
export async function naiveWithRetries(night: ScriptNight): Promise<void> {
  for (const job of night.jobs) {
    const text = await retried(() => write(job, night), night);
    await retried(() => publish(job, text, night), night);
  }
}

async function retried<T>(step: () => Promise<T>, night: ScriptNight): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await step();
    } catch (error) {
      if (tries === TRIES) throw error;
      await night.sleep(tries);
    }
  }
}
