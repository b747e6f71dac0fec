import { CancelledFailure, cancellationSignal } from '@temporalio/activity';
import type { AgentEnd } from '../../contract/messages.js';
import { HeldBack } from '../../ledger/ledger.js';
import type { SessionHandle } from '../providers/provider.js';
import { excuseFor } from '../lanes/lane-of.js';
import { notePassed } from '../heartbeat.js';
import { stopJob } from '../stop-job.js';
import { roomWait } from './admit.js';
import { collectSession } from './collect.js';
import { afterCancel, bookSession, failSession, failureOf, notStarted } from './end.js';
import { OverBudget, SessionNotStarted, openSession } from './open.js';
import type { SessionScope } from './scope.js';
import { Unwatched, watchSession } from './watch.js';

/**
 * Carries one paid attempt from its start, or from where an earlier try left it, to its end in the ledger.
 * @throws ApplicationFailure when the step is to be tried again; AdapterError when the session goes on unwatched
 */
export async function runSession(scope: SessionScope): Promise<AgentEnd> {
  let handle: SessionHandle | undefined;
  let isBooked = false;
  try {
    handle = await openSession(scope);
    if (scope.claim.openSession?.state !== 'started') notePassed('step'); // it runs
    scope.beat(handle);
    const over = await watchSession(scope, handle);
    await scope.reached('A7');
    if (over.kind === 'succeeded') {
      const { end, trouble } = await collectSession(scope, handle);
      if (end.state !== 'collected') return await failSession(scope, handle, end);
      const made = await bookSession(scope, handle, end);
      isBooked = true;
      if (trouble === undefined) return made;
      throw trouble;
    }
    const said = over.kind === 'failed' ? { hintMs: over.retryAfterMs, needsPerson: over.needsPerson } : {};
    return await failSession(scope, handle, await failureOf(scope, handle, over), said);
  } catch (error) {
    if (error instanceof CancelledFailure || cancellationSignal().aborted)
      throw await afterCancel(scope, isBooked ? undefined : (handle ?? scope.lastSaved()), error);
    if (error instanceof Unwatched) return { kind: 'paused' };
    if (error instanceof HeldBack) {
      await scope.lane.leave();
      return { kind: 'paused' };
    }
    if (error instanceof OverBudget) return await refused(scope, error.decision);
    if (!(error instanceof SessionNotStarted)) throw error;
    const { reason } = error;
    const hintMs = reason.facts.retryAfterMs;
    const excuse = excuseFor(reason, scope.lane);
    return await failSession(scope, undefined, notStarted(reason), { hintMs, excuse });
  }
}

/**
 * A budget of a day is full again tomorrow: until then the job is gated, sleeps in the engine, and calls nothing. The
 * ledger says so, for whoever looks sees no difference between a long session and a long sleep.
 */
async function refused(
  { deps, ref, claim: { fence }, lane }: SessionScope,
  decision: OverBudget['decision'],
): Promise<AgentEnd> {
  const { kind, message } = decision;
  await lane.leave();
  if (kind === 'wait') return roomWait(decision, ref.waits);
  const end = { errorClass: kind === 'gate' ? decision.errorClass : 'budget', message } as const;
  const state = kind === 'park' ? 'parked' : 'gated';
  await stopJob({ ...ref, fence }, { state, ...end }, deps);
  if (kind === 'gate' && decision.until !== undefined) {
    const delayMs = Math.max(1, Date.parse(decision.until) - deps.now().getTime());
    return { kind: 'wait', delayMs, why: message, ...(decision.ofSite && { away: 'site' }) };
  }
  return { kind: state, ...end };
}
