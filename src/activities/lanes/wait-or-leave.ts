import type { TriedBefore, Trouble, Waiting } from '../../contract/messages.js';
import { afterClosed, whyOf, type RetryPolicy } from '../../policy/retry.js';
import { activityWriter, type Deps } from '../deps.js';
import { triedBefore, triesSoFar } from '../failure.js';
import type { LaneWait } from './lane.js';

/** What a step is told that found a lane closed. */
export type Told = Waiting | ({ readonly kind: 'gated' } & Trouble);

interface Leaving {
  readonly job: {
    readonly work: string;
    readonly key: string;
    readonly batchId: string;
    readonly tried?: TriedBefore | undefined;
  };
  readonly retry: RetryPolicy;
  readonly deps: Pick<Deps, 'ledger' | 'now' | 'worker'>;
  /** Name of the effect whose destination it is. */
  readonly effect?: string;
}

/**
 * A job waits for the lane, and uses up its patience where it is for a service that fails. Where that takes nothing before
 * patience ends, it leaves its run, as the job did that the service has told so.
 */
export async function waitOrLeave(
  { delayMs, why, down: failing, closure }: LaneWait,
  { job: { work, key: jobKey, batchId, tried: before }, retry, deps, effect }: Leaving,
): Promise<Told> {
  const { elapsedMs } = triesSoFar(before);
  const waits = { delayMs, why, failing, ...(closure && { backInMs: closure.backInMs }) };
  const next = afterClosed(waits, retry, elapsedMs);
  if (closure === undefined || next.kind === 'wait') {
    const tried = triedBefore(before, failing);
    const yields = closure !== undefined && effect !== undefined;
    return { kind: 'wait', delayMs, why, ...(tried && { tried }), ...(yields && { yields }) };
  }
  const said = `${closure.why} (${whyOf(next, deps.now().getTime())})`;
  const trouble = {
    errorClass: closure.errorClass,
    message: effect === undefined ? said : `${effect}: ${said}`,
  };
  await deps.ledger.settleJob(
    { work, jobKey },
    { state: 'gated', ...trouble },
    activityWriter(batchId, deps),
  );
  return { kind: 'gated', ...trouble };
}
