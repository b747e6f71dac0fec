import type { Trouble } from '../contract/messages.js';
import type { Deps } from './deps.js';
import { silentEnd } from './failure.js';
import { stopJob, type StepOf } from './stop-job.js';

/**
 * Parks a job whose step kills its worker each time: such a step never says what is wrong with it, and takes all others
 * down with it. @throws as `stopJob`
 */
export async function silentJob(
  step: StepOf,
  deps: Pick<Deps, 'ledger' | 'worker'>,
): Promise<({ readonly kind: 'parked' } & Trouble) | undefined> {
  const trouble = silentEnd('see what its log says last, then: nightshift retry NAME --job KEY');
  if (trouble === undefined) return undefined;
  await stopJob(step, { state: 'parked', ...trouble }, deps);
  return { kind: 'parked', ...trouble };
}
