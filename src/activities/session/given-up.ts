import { NOTHING_USED, type GivenUpEnd } from '../../ledger/ledger.js';
import type { Job } from '../../contract/job.js';
import type { Deps } from '../deps.js';
import { endingContext } from '../providers/ending-context.js';
import type { Provider, SessionHandle } from '../providers/provider.js';
import { endAtService, type LeftSession } from './end-at-service.js';
import type { Claimed } from './scope.js';

/**
 * Ends sessions at work on an older payload of this job: what they make is of no use, and they would go on and cost.
 * Each is booked when that was done or tried, so whoever dies before leaves it to the next try. A service that can't be
 * asked is no reason to keep the job waiting.
 */
export async function endGivenUp(
  { givenUp, fence }: Pick<Claimed, 'givenUp' | 'fence'>,
  { revision }: Pick<Job, 'revision'>,
  makeProvider: () => Promise<Provider>,
  { ledger, now }: Pick<Deps, 'ledger' | 'now'>,
  signal: AbortSignal,
): Promise<void> {
  if (givenUp.length === 0) return;
  const provider = await makeProvider();
  const context = endingContext(now, signal);
  for (const session of givenUp) {
    const why =
      session.revision < revision
        ? `revision ${revision} replaced revision ${session.revision}`
        : 'the payload of the job changed';
    const book = (left: LeftSession) => ledger.endGivenUp(session, replaced(why, left), fence);
    const handle = session.handle as SessionHandle | undefined;
    // One that never had a handle was never begun, as far as anybody can tell.
    if (session.provider !== provider.facts.name || !handle) await book({ usage: NOTHING_USED });
    else await endAtService(provider, handle, context, book);
  }
}

const replaced = (why: string, { usage, mayRunOn }: LeftSession): GivenUpEnd => ({
  state: 'cancelled',
  errorClass: 'conflict',
  message: mayRunOn === undefined ? why : `${why}; ${mayRunOn}`,
  usage,
});
