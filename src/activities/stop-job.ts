import { cancellationDetails, cancellationSignal } from '@temporalio/activity';
import type { JobEnd, JobRef } from '../contract/messages.js';
import { activityWriter, type Deps } from './deps.js';

/** The step of a job that the present try is at. */
export interface StepOf extends Pick<JobRef, 'work' | 'key' | 'batchId'> {
  /** Of the try's claim, where it has taken the job. */
  readonly fence?: number | undefined;
}

/**
 * Writes that a job goes no further in this run. A try that was suspended may find so long after another one has the job in
 * hand: what it has seen is of yesterday, and it writes nothing.
 * @throws StaleFence where another try has taken the job; CancelledFailure where the engine has given this one up
 */
export async function stopJob(
  { work, key, batchId, fence }: StepOf,
  end: JobEnd,
  deps: Pick<Deps, 'ledger' | 'worker'>,
): Promise<void> {
  const { notFound = false, timedOut = false } = cancellationDetails() ?? {};
  if (notFound || timedOut) cancellationSignal().throwIfAborted();
  await deps.ledger.settleJob({ work, jobKey: key }, end, activityWriter(batchId, deps), fence);
}
