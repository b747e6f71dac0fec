import type { Trouble, Waiting } from '../../contract/messages.js';
import { resumedMs } from '../../policy/pauses.js';
import { afterClosed, whyOf, type RetryPolicy } from '../../policy/retry.js';
import type { Deps } from '../deps.js';
import { failingForMs, triedBefore } from '../failure.js';
import { stopJob, type StepOf } from '../stop-job.js';
import type { LaneWait } from './lane.js';

/** What a step is told that found a lane closed. */
export type Told = Waiting | ({ readonly kind: 'gated' } & Trouble);

interface Leaving {
  readonly job: StepOf;
  readonly retry: RetryPolicy;
  readonly deps: Pick<Deps, 'ledger' | 'now' | 'worker'>;
  /** `agent.use` of the batch file: pauses of it count. */
  readonly provider: string;
  /** Name of the effect whose destination it is. */
  readonly effect?: string;
}

/**
 * A job waits for the lane, and uses up its patience where it is for a service that fails. Where that takes nothing before
 * patience ends, it leaves its run, as the job did that the service has told so. What its run has waited there before it
 * came along counts: else its jobs would use up one patience after the other.
 * @throws as `stopJob`
 */
export async function waitOrLeave(
  { delayMs, why, down: failing, closure }: LaneWait,
  leaving: Leaving,
): Promise<Told> {
  const { job, retry, deps, effect } = leaving;
  const elapsedMs = Math.max(failingForMs(), await waitedInRun(closure, leaving));
  const waits = { delayMs, why, failing, ...(closure && { backInMs: closure.backInMs }) };
  const next = afterClosed(waits, retry, elapsedMs);
  if (closure === undefined || next.kind === 'wait') {
    const tried = triedBefore(failing);
    const away = closure && (effect === undefined ? 'agent' : 'site');
    return { kind: 'wait', delayMs, why, ...(tried && { tried }), ...(away && { away }) };
  }
  const said = `${closure.why} (${whyOf(next, deps.now().getTime())})`;
  const trouble = {
    errorClass: closure.errorClass,
    message: effect === undefined ? said : `${effect}: ${said}`,
  };
  await stopJob(job, { state: 'gated', ...trouble }, deps);
  return { kind: 'gated', ...trouble, ...(effect !== undefined && { ofDestination: true }) };
}

/**
 * How long the run of a job has had to do with a service that fails, since it was last paused; 0 where that is less than
 * patience.
 */
async function waitedInRun(
  closure: LaneWait['closure'],
  { job: { work, batchId }, provider, retry: { patienceMs }, deps: { ledger, now } }: Leaving,
): Promise<number> {
  const { failedForMs = 0 } = closure ?? {};
  const run = failedForMs < patienceMs ? undefined : await ledger.batch(batchId);
  if (run === undefined) return 0;
  const pauses = await ledger.pauses({ batchId, work, provider }, run.openedAt);
  const sinceMs = Math.max(Date.parse(run.openedAt), resumedMs(pauses) ?? 0);
  return Math.min(failedForMs, now().getTime() - sinceMs);
}
