import { proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { Timing } from '../contract/messages.js';
import { DAY_MS, MINUTE_MS } from '../contract/units.js';

/**
 * The options of every Activity, in one place.
 *
 * Retries: how long to wait and when to give up is decided by `policy/retry.ts`, whose verdict an Activity hands to
 * Temporal as `nextRetryDelay` or as a value. The policy below only paces what nobody decided: a crashed worker.
 *
 * Cancellation: the SDK's own default, TRY_CANCEL, would close a cancelled Workflow while an effect is on its way.
 */
const RETRY: NonNullable<ActivityOptions['retry']> = {
  initialInterval: 500,
  backoffCoefficient: 2,
  maximumInterval: MINUTE_MS,
};
const WAIT = 'WAIT_CANCELLATION_COMPLETED';

/** Activities of a batch: short, and safe to repeat. */
export const batchActivities = (timing: Timing) =>
  proxyActivities<
    Pick<
      Activities,
      | 'openBatch'
      | 'openShard'
      | 'closeBatch'
      | 'noteBatch'
      | 'noteRequest'
      | 'requeueJobs'
      | 'askHolds'
      | 'askLeft'
      | 'decideApprovals'
    >
  >({
    startToCloseTimeout: 10 * MINUTE_MS,
    heartbeatTimeout: timing.heartbeatTimeoutMs,
    retry: RETRY,
    cancellationType: WAIT,
  });

/** Waits for a job that another batch runs; on a queue of its own, for a wait must not take a worker's last place. */
export const waitActivities = (timing: Timing, taskQueue: string) =>
  proxyActivities<Pick<Activities, 'awaitJob'>>({
    taskQueue,
    // A wait ends with the other job; this only bounds one try.
    startToCloseTimeout: DAY_MS,
    heartbeatTimeout: timing.heartbeatTimeoutMs,
    retry: RETRY,
    cancellationType: WAIT,
  });

export function jobActivities(timing: Timing) {
  // A proxy has no properties of its own to spread: each Activity is named.
  const { runAgent } = agentProxy(timing);
  const { publish, settleJob } = effectActivities(timing);
  return { runAgent, publish, settleJob };
}

const agentProxy = (timing: Timing) =>
  proxyActivities<Pick<Activities, 'runAgent'>>({
    // The session has a deadline of its own; the rest is for collecting and storing what it made.
    startToCloseTimeout: timing.sessionTimeoutMs + 15 * MINUTE_MS,
    heartbeatTimeout: timing.heartbeatTimeoutMs,
    retry: RETRY,
    cancellationType: WAIT,
  });

/** Activities that act on the outside. */
export const effectActivities = (timing: Timing) =>
  proxyActivities<Pick<Activities, 'publish' | 'unpublish' | 'settleJob'>>({
    startToCloseTimeout: 15 * MINUTE_MS,
    heartbeatTimeout: timing.heartbeatTimeoutMs,
    retry: RETRY,
    cancellationType: WAIT,
  });
