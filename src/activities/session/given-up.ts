import { AdapterError } from '../../contract/errors.js';
import type { Job } from '../../contract/job.js';
import { NOTHING_USED, type GivenUpEnd, type SessionRow } from '../../ledger/ledger.js';
import type { Deps } from '../deps.js';
import { endingContext } from '../providers/ending-context.js';
import type { Provider, SessionHandle } from '../providers/provider.js';
import { PASSES, endAtService, notEnded, type LeftSession } from './end-at-service.js';
import { otherAgent, ownProvider, type Under } from './own-provider.js';
import type { Claimed } from './scope.js';

/** A job some of whose sessions are given up, and the definition that it is done by now. */
export interface GivingUp extends Under {
  readonly deps: Pick<Deps, 'ledger' | 'now' | 'artifacts' | 'stateDir' | 'env'>;
  readonly job: Pick<Job, 'revision'>;
}

/**
 * Ends the sessions that a job does not go on with: at work on an older payload, or begun by another agent than it has
 * now. What they make is of no use, and they would go on and cost.
 *
 *  G1. Each is ended by the agent that it was begun with. No other is shown its handle.
 *  G2. Each is booked when that was done, or tried: whoever dies before leaves it to the next try.
 *  G3. An agent that can't be asked is no reason to keep the job waiting. Its session is booked as lost, with what was set
 *      aside for it, and says that it may run on.
 *
 * @param makeProvider of the agent that the job has now
 * @returns the claim without them
 */
export async function withoutGivenUp(
  claim: Claimed,
  step: GivingUp,
  makeProvider: () => Promise<Provider>,
  signal: AbortSignal,
): Promise<Claimed> {
  await endReplaced(claim, step, signal);
  const { openSession: open } = claim;
  const other = open && (await otherAgent(open, await makeProvider(), step));
  if (open === undefined || other === undefined) return claim;
  await giveUp(open, other, claim, step, signal);
  const ranBefore = claim.ranBefore || (open.handle as SessionHandle | undefined)?.phase !== 'prepared';
  return { ...claim, openSession: undefined, ranBefore };
}

/** Those at work on an older payload. */
export async function endReplaced(claim: Claimed, step: GivingUp, signal?: AbortSignal): Promise<void> {
  const { revision } = step.job;
  for (const session of claim.givenUp) {
    const raised = `revision ${revision} replaced revision ${session.revision}`;
    const why = session.revision < revision ? raised : 'the payload of the job changed';
    await giveUp(session, why, claim, step, signal);
  }
}

const giveUp = (
  session: SessionRow,
  why: string,
  { fence }: Claimed,
  step: GivingUp,
  signal: AbortSignal | undefined,
): Promise<void> =>
  endByOwn(session, step, signal, (left) => step.deps.ledger.endGivenUp(session, givenUp(why, left), fence));

const givenUp = (why: string, { usage, mayRunOn }: LeftSession): GivenUpEnd =>
  mayRunOn === undefined
    ? { state: 'cancelled', errorClass: 'conflict', message: why, usage }
    : { state: 'lost', errorClass: 'lost', message: `${why}; ${mayRunOn}`, usage };

/**
 * G1, for one session that nobody goes on with.
 * @param signal nothing interrupts it where none is given
 * @param book as of `endAtService`
 */
export async function endByOwn(
  session: SessionRow,
  step: GivingUp,
  signal: AbortSignal | undefined,
  book: (left: LeftSession) => Promise<void>,
): Promise<void> {
  const handle = session.handle as SessionHandle | null | undefined;
  // One that never had a handle was never begun, as far as anybody can tell.
  if (!handle) return book({ usage: NOTHING_USED });
  let own: Provider;
  try {
    own = await ownProvider(session, step);
  } catch (error) {
    if (!(error instanceof AdapterError) || PASSES.has(error.errorClass)) throw error;
    return book(notEnded(session.provider, handle, error.message)); // G3
  }
  await endAtService(own, handle, endingContext(step.deps.now, signal), book);
}
