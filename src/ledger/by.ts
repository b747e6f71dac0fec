import type { By } from './ledger.js';

/** One line that says who wrote: run, try and process, for `history`. */
export const writerOf = (by: By): string =>
  `${by.workflowId}, run ${by.runId}, attempt ${by.attempt}, ${by.worker}`;
