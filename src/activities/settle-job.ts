import type { JobRef } from '../contract/messages.js';
import type { JobEnd } from '../ledger/ledger.js';
import { writerOf, type Deps } from './deps.js';

/**
 * Writes an end of a job that none of its Activities could write: cancelled between two steps, or given up. A job
 * that is done stays done: its last effect may have landed after the Workflow stopped waiting for it.
 */
export const settleJob =
  (deps: Deps) =>
  async ({ work, key, batchId }: JobRef, end: JobEnd): Promise<void> => {
    const state = (await deps.ledger.jobs(work, [key])).get(key)?.state;
    if (state === 'done' || state === 'adopted') return;
    await deps.ledger.settleJob({ work, jobKey: key }, end, writerOf(batchId, deps).workflowId);
  };
