import type { AdapterError } from '../contract/errors.js';
import type { JobRef, TriedBefore, Trouble, Waiting } from '../contract/messages.js';
import { jitterOf } from '../policy/jitter.js';
import { STATE_AFTER, afterStep, whyOf, type RetryPolicy } from '../policy/retry.js';
import { activityWriter, type Deps } from './deps.js';
import { triedBefore, triesSoFar, tryAgainAfter } from './failure.js';
import { excuseOf } from './lanes/lane-of.js';

/**
 * Trouble of a step that no session and no effect is to blame for: an adapter that can't be made, a destination that
 * can't be asked, a manifest or an artifact that can't be read. What does not pass ends the job for this run.
 * @throws ApplicationFailure when the step is to be tried again
 */
export async function settleTrouble(
  error: AdapterError,
  retry: RetryPolicy,
  { work, key, batchId }: JobRef,
  deps: Pick<Deps, 'ledger' | 'now' | 'worker'>,
  before?: TriedBefore,
): Promise<({ readonly kind: 'parked' | 'held' | 'gated' } & Trouble) | Waiting> {
  const { errorClass, message, facts } = error;
  const tried = triesSoFar(before);
  const jitter = jitterOf(`${key}:${tried.tries}`);
  const excuse = excuseOf(error);
  const next = afterStep({ errorClass, ...tried, jitter, hintMs: facts.retryAfterMs, excuse }, retry);
  if (next.kind === 'again') throw tryAgainAfter(errorClass, message, next.delayMs);
  if (next.kind === 'wait') {
    const failing = excuse?.failing === true;
    const told = triedBefore(before, failing);
    return { ...next, why: excuse?.why ?? `${message} (${next.why})`, ...(told && { tried: told }) };
  }
  const state = STATE_AFTER[next.kind];
  const trouble = { errorClass, message: `${message} (${whyOf(next, deps.now().getTime())})` };
  await deps.ledger.settleJob({ work, jobKey: key }, { state, ...trouble }, activityWriter(batchId, deps));
  return { kind: state, ...trouble };
}
