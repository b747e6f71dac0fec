import type { JobEnd, JobRef } from '../contract/messages.js';
import { activityWriter, claimFor, readRef, type Deps } from './deps.js';
import { isFinished } from '../contract/states.js';
import { knownJob } from '../ledger/known-job.js';
import { cancelled } from './session/end.js';
import { endByOwn, endReplaced } from './session/given-up.js';

/**
 * Writes an end of a job that none of its Activities could write: cancelled between two steps, or given up. A job
 * that is done stays done: its last effect may have landed after the Workflow stopped waiting for it. Nothing goes on
 * for a cancelled job: a session that its worker left behind is ended too.
 */
export const settleJob =
  (deps: Deps) =>
  async (ref: JobRef, end: JobEnd): Promise<void> => {
    const { work, key, batchId } = ref;
    const state = (await knownJob(deps.ledger, { work, jobKey: key }))?.state;
    if (state === undefined || isFinished(state)) return;
    if (end.state === 'cancelled' && state === 'running') await cancelSessions(deps, ref);
    await deps.ledger.settleJob({ work, jobKey: key }, end, activityWriter(batchId, deps));
  };

async function cancelSessions(deps: Deps, ref: JobRef): Promise<void> {
  const { definition, job } = await readRef(ref, deps);
  const claim = await claimFor(ref, definition, job, deps);
  if (claim.kind !== 'claimed') return;
  const step = { deps, ref, definition, job };
  await endReplaced(claim, step);
  const { openSession: open, fence } = claim;
  if (open === undefined) return;
  await endByOwn(open, step, fence, undefined, (left) =>
    deps.ledger.endSession(open, cancelled(left), fence),
  );
}
