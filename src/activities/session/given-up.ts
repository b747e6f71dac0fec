import { AdapterError } from '../../contract/errors.js';
import type { Job } from '../../contract/job.js';
import type { JobRef } from '../../contract/messages.js';
import { NOTHING_USED, type GivenUpEnd, type SessionRow } from '../../ledger/ledger.js';
import type { Provider, SessionHandle } from '../providers/provider.js';
import { PASSES, endAtService, notEnded, tried, type LeftSession } from './end-at-service.js';
import type { Ending } from './ending.js';
import { otherAgent, ownEnding, type Under } from './own-provider.js';
import { requestFor, type Claimed } from './scope.js';

/** A job some of whose sessions are given up, and the definition that it is done by now. */
export interface GivingUp extends Under {
  readonly ref: Pick<JobRef, 'manifest' | 'work' | 'key' | 'batchId'>;
  readonly job: Job;
}

/**
 * Ends the sessions that a job does not go on with: at work on an older payload, or begun by another agent than it has
 * now. What they make is of no use, and they would go on and cost.
 *
 *  G1. Each is ended by the agent that it was begun with. No other is shown its handle.
 *  G2. Each is booked when that was done, or tried: whoever dies before leaves it to the next try.
 *  G3. An agent that can't be asked is no reason to keep the job waiting. Its session is booked as lost, with what was set
 *      aside for it, and says that it may run on.
 *  G4. One whose intent alone is written may have been begun all the same: whoever sent its start died, or was cancelled,
 *      before it was answered. Its agent is asked, as for a session that is gone on with.
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
  endByOwn(session, step, fence, signal, (left) =>
    step.deps.ledger.endGivenUp(session, givenUp(why, left), fence),
  );

const givenUp = (why: string, { mayRunOn, unseen: _, ...left }: LeftSession): GivenUpEnd =>
  mayRunOn === undefined
    ? { state: 'cancelled', errorClass: 'conflict', message: why, ...left }
    : { state: 'lost', errorClass: 'lost', message: `${why}; ${mayRunOn}`, ...left };

/**
 * G1, for one session that nobody goes on with.
 * @param signal as of `beginEnding`
 * @param book as of `endAtService`
 */
export async function endByOwn(
  session: SessionRow,
  step: GivingUp,
  fence: number,
  signal: AbortSignal | undefined,
  book: (left: LeftSession) => Promise<void>,
): Promise<void> {
  const known = session.handle as SessionHandle | null | undefined;
  const mayRunOn = (why: string): Promise<void> =>
    book({
      ...notEnded(session.provider, known ?? unanswered(session), why),
      ...(!known && { unseen: true }),
    });
  let ending: Ending;
  try {
    ending = await ownEnding(session, step, signal);
  } catch (error) {
    if (!(error instanceof AdapterError) || PASSES.has(error.errorClass)) throw error;
    return mayRunOn(error.message); // G3
  }
  if (known) return endAtService(ending, known, book);
  const { provider: own, context } = ending;
  // Whoever has only signs of a start to look for writes it down before it is sent.
  if (own.facts.find === 'signs-only') return book({ usage: NOTHING_USED });
  const request = requestFor(step, session, new Date(session.openedAt));
  const asked = await tried(ending, 'find', () => own.find(request, undefined, context)); // G4
  if ('why' in asked) return mayRunOn(asked.why);
  const { answer: found } = asked;
  if (found.kind === 'none') return book({ usage: NOTHING_USED });
  if (found.kind === 'unknown') return mayRunOn(found.why);
  // What was begun is no start that never came about: figures and budgets have it.
  await step.deps.ledger.saveHandle(session, found.handle, fence);
  return endAtService(ending, found.handle, book);
}

/** Stands for one whose start was sent, as far as anybody can tell. */
const unanswered = ({ provider, runKey, attempt }: SessionRow): SessionHandle => ({
  ...{ v: 1, provider, runKey, attempt },
  phase: 'start-sent',
  ids: {},
});
