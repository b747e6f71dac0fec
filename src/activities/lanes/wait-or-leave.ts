import type { Trouble, Waiting } from '../../contract/messages.js';
import { afterClosed, whyOf, type RetryPolicy } from '../../policy/retry.js';
import type { Deps } from '../deps.js';
import type { LaneWait } from './lane.js';

/** What a step is told that found a lane closed. */
export type Told = Waiting | ({ readonly kind: 'gated' } & Trouble);

interface Leaving {
  readonly job: { readonly work: string; readonly key: string; readonly batchId: string };
  readonly retry: RetryPolicy;
  readonly deps: Pick<Deps, 'ledger' | 'now'>;
  /** Name of the effect whose destination it is. */
  readonly effect?: string;
}

/**
 * A job waits for the lane. Where its service takes nothing before patience ends, it leaves its run, as the job did that
 * the service has told so.
 */
export async function waitOrLeave(
  { delayMs, why, closure }: LaneWait,
  { job: { work, key: jobKey, batchId }, retry, deps, effect }: Leaving,
): Promise<Told> {
  const next = afterClosed({ delayMs, why, ...(closure && { backInMs: closure.backInMs }) }, retry);
  if (closure === undefined) return { kind: 'wait', delayMs, why };
  if (next.kind === 'wait')
    return { kind: 'wait', delayMs, why, ...(effect !== undefined && { yields: true }) };
  const said = `${closure.why} (${whyOf(next, deps.now().getTime())})`;
  const trouble = {
    errorClass: closure.errorClass,
    message: effect === undefined ? said : `${effect}: ${said}`,
  };
  await deps.ledger.settleJob({ work, jobKey }, { state: 'gated', ...trouble }, batchId);
  return { kind: 'gated', ...trouble };
}
