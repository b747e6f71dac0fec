import type { JobRef } from '../contract/messages.js';
import type { JobEnd } from '../ledger/ledger.js';
import { writerOf, type Deps } from './deps.js';

/** Writes an end of a job that none of its Activities could write: cancelled between two steps, or given up. */
export const settleJob =
  (deps: Deps) =>
  async ({ work, key, batchId }: JobRef, end: JobEnd): Promise<void> =>
    deps.ledger.settleJob({ work, jobKey: key }, end, writerOf(batchId, deps).workflowId);
