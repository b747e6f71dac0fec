import { log } from '@temporalio/activity';
import type { Deps } from '../deps.js';
import { endingContext } from '../providers/ending-context.js';
import type { Provider, ProviderContext, SessionHandle } from '../providers/provider.js';
import type { Claimed } from './scope.js';

/**
 * Ends sessions of this job that its claim gave up: what they make is of no use, and they would go on and cost. The
 * ledger has booked them by now, and a service that can't be asked is no reason to keep the job waiting; `doctor
 * --orphans` finds what is left.
 */
export async function endGivenUp(
  { givenUp }: Pick<Claimed, 'givenUp'>,
  makeProvider: () => Promise<Provider>,
  { now }: Pick<Deps, 'now'>,
  signal: AbortSignal,
): Promise<void> {
  if (givenUp.length === 0) return;
  const provider = await makeProvider();
  const context = endingContext(now, signal);
  for (const { provider: name, runKey, attempt, handle } of givenUp) {
    // One that never had a handle was never begun, as far as anybody can tell.
    if (name !== provider.facts.name || !handle) continue;
    await end(provider, handle as SessionHandle, context, `${runKey}#${attempt}`);
  }
}

async function end(
  provider: Provider,
  handle: SessionHandle,
  context: ProviderContext,
  session: string,
): Promise<void> {
  try {
    await provider.cancel(handle, context);
    await provider.release?.(handle, context);
  } catch (error) {
    if (context.signal.aborted) throw error;
    log.warn('a session that was given up could not be ended', {
      session,
      reason: provider.classify(error, 'cancel').message,
    });
  }
}
