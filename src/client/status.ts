import type { JobReport } from '../contract/result.js';
import type { ActiveJob, BatchRow, Ledger } from '../ledger/ledger.js';
import type { Connections } from './connections.js';

export interface BatchStatus {
  readonly batch: BatchRow;
  readonly counts: Awaited<ReturnType<Ledger['counts']>>;
  readonly active: readonly ActiveJob[];
  /** Jobs that wait for a person, and why. */
  readonly unfinished: readonly JobReport[];
}

/** One look at a batch, from the ledger alone: it answers also when the engine does not. */
export async function batchStatus(
  batch: BatchRow,
  connections: Connections,
  limit = 20,
): Promise<BatchStatus> {
  const ledger = await connections.ledger();
  const [counts, active, unfinished] = await Promise.all([
    ledger.counts(batch.id, batch.openedSeq),
    ledger.activeJobs(batch.id, limit),
    ledger.jobReports(batch.id, { states: ['parked', 'held', 'gated', 'cancelled'], limit }),
  ]);
  return { batch, counts, active, unfinished };
}
