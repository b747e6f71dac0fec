import { withLastOutput } from '../artifacts/last-output.js';
import type { Hold } from '../contract/holds.js';
import type { JobReport } from '../contract/result.js';
import { readDeadline } from '../nights/deadline.js';
import type { DeadlineStanding } from '../policy/deadline.js';
import type { WaitsFor } from '../policy/waits.js';
import type { ActiveJob, BatchRow, Ledger } from '../ledger/ledger.js';
import type { Connections } from './connections.js';
import { definitionToShow } from '../batch/manifest.js';
import { canaryText } from '../policy/canary.js';
import { holdOver } from './hold-over.js';
import { waitsFor } from './waits-for.js';

export interface BatchStatus {
  readonly batch: BatchRow;
  readonly counts: Awaited<ReturnType<Ledger['counts']>>;
  readonly active: readonly ActiveJob[];
  /** Jobs that wait for a person, and why; where no run goes on by itself, also those that wait for the next day of a budget. */
  readonly unfinished: readonly JobReport[];
  /** Effects that wait for a person's yes. */
  readonly asks: number;
  /** Jobs that a person has decided not to do. */
  readonly discarded: readonly JobReport[];
  /** The pause that it stands before: its own, or one of its work, its provider or everything. */
  readonly hold?: Hold;
  /** What its jobs wait for. */
  readonly waitsFor: readonly WaitsFor[];
  /** When it is to be over, and whether it was. */
  readonly deadline?: DeadlineStanding;
  /** Why few jobs are under way while others wait. */
  readonly canary?: string;
}

const UNFINISHED = ['parked', 'held', 'gated', 'cancelled'] as const;

/** One look at a batch, from the ledger alone: it answers also when the engine does not. */
export async function batchStatus(
  batch: BatchRow,
  connections: Connections,
  limit = 20,
): Promise<BatchStatus> {
  const ledger = await connections.ledger();
  const [counts, active, unfinished, approvals, discarded, hold, deadline, definition] = await Promise.all([
    ledger.counts(batch.id, batch.openedSeq),
    ledger.activeJobs(batch.id, limit),
    // Of a run under way they are told of as what it waits for, and go on by themselves.
    ledger.jobReports(batch.id, { states: UNFINISHED, limit, notForDay: batch.state === 'running' }),
    ledger.approvals({ batchId: batch.id }),
    ledger.jobReports(batch.id, { states: ['discarded'], limit }),
    holdOver(batch, connections),
    readDeadline(batch, { ledger, artifacts: connections.artifacts }, new Date()),
    definitionToShow(batch, connections.artifacts),
  ]);
  return {
    batch,
    counts,
    active,
    unfinished: unfinished.map(withLastOutput(connections.config.stateDir)),
    asks: approvals.length,
    discarded: discarded.map(withLastOutput(connections.config.stateDir)),
    waitsFor: await waitsFor(batch, counts, connections),
    ...(hold && { hold }),
    ...(deadline && { deadline }),
    ...(definition?.canary !== undefined &&
      goesFirst(definition.canary, batch, counts) && { canary: canaryText(definition.canary) }),
  };
}

/** As far as the ledger tells: which jobs are the canary after a failed one is known to the run alone. */
const goesFirst = (
  canary: number,
  { state }: BatchRow,
  { done, gated, waiting }: BatchStatus['counts'],
): boolean => state === 'running' && waiting > 0 && done + gated < canary;
