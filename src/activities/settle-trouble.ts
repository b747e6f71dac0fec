import { isOurs, type AdapterError } from '../contract/errors.js';
import type { Trouble, Waiting } from '../contract/messages.js';
import { jitterOf } from '../policy/jitter.js';
import { stoppedByArtifacts } from '../policy/own-artifacts.js';
import { STATE_AFTER, afterStep, whyOf, type RetryPolicy } from '../policy/retry.js';
import type { Deps } from './deps.js';
import { triedBefore, triesSoFar, tryAgainAfter } from './failure.js';
import { excuseOf } from './lanes/lane-of.js';
import { stopJob, type StepOf } from './stop-job.js';

/**
 * Trouble of a step that no session and no effect is to blame for: an adapter that can't be made, a destination that
 * can't be asked, a manifest or an artifact that can't be read. What does not pass ends the job for this run.
 *
 *  ST1. Trouble of our own ledger or artifacts meets all jobs alike. Where it does not pass, the run stops admitting,
 *       whatever its class, and the next start goes on with the job. While it is the ledger, no end can be written down: it
 *       has the job as it was.
 *
 * @throws ApplicationFailure when the step is to be tried again; as `stopJob`
 */
export async function settleTrouble(
  error: AdapterError,
  retry: RetryPolicy,
  step: StepOf,
  deps: Pick<Deps, 'ledger' | 'now' | 'worker'>,
): Promise<({ readonly kind: 'parked' | 'held' | 'gated' } & Trouble) | Waiting> {
  const { errorClass, message, facts } = error;
  const tried = triesSoFar(errorClass);
  const jitter = jitterOf(`${step.key}:${tried.tries}`);
  const excuse = excuseOf(error);
  const next = afterStep({ errorClass, ...tried, jitter, hintMs: facts.retryAfterMs, excuse }, retry);
  if (next.kind === 'again') throw tryAgainAfter(errorClass, message, next.delayMs);
  if (facts.ours === 'ledger') return { kind: 'gated', errorClass, message }; // ST1
  if (next.kind === 'wait') {
    const failing = excuse?.failing === true;
    const told = triedBefore(failing);
    return { ...next, why: excuse?.why ?? `${message} (${next.why})`, ...(told && { tried: told }) };
  }
  const state = isOurs(error) ? 'gated' : STATE_AFTER[next.kind]; // ST1
  const why = `${message} (${whyOf(next, deps.now().getTime())})`;
  const trouble = { errorClass, message: facts.ours === 'artifacts' ? stoppedByArtifacts(why) : why };
  try {
    await stopJob(step, { state, ...trouble }, deps);
  } catch (ofLedger) {
    if (!isOurs(ofLedger)) throw ofLedger;
    return settleTrouble(ofLedger, retry, step, deps); // ST1 ends it
  }
  return { kind: state, ...trouble };
}
