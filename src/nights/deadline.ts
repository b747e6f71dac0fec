import type { ArtifactStore } from '../contract/artifact.js';
import type { Definition } from '../contract/batch-file.js';
import { isUnderWay } from '../contract/states.js';
import { definitionToShow } from '../batch/manifest.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import {
  deadlineOf,
  deadlineStanding,
  LOOKS_APART_MS,
  type Deadline,
  type DeadlineStanding,
  type Progress,
} from '../policy/deadline.js';
import { pausedMs } from '../policy/pauses.js';
import { leftOf } from '../report/job-counts.js';

type Read = Pick<Ledger, 'counts' | 'finishedBefore' | 'pauses' | 'holdOf'>;

/** The deadline of a run, as the batch file that it was started from says it. */
export const deadlineOfRun = (
  { deadline }: Pick<Definition, 'deadline'>,
  { openedAt }: Pick<BatchRow, 'openedAt'>,
): Deadline | undefined =>
  deadline === undefined ? undefined : deadlineOf(deadline, new Date(openedAt), ownTimeZone());

/** How far a run is, now and at the look before this one. */
export async function progressOf(
  { id, work, state, openedAt, openedSeq }: BatchRow,
  { limits, agent }: Pick<Definition, 'limits' | 'agent'>,
  ledger: Read,
  now: Date,
): Promise<Progress> {
  const counts = await ledger.counts(id, openedSeq);
  const earlier = new Date(now.getTime() - LOOKS_APART_MS);
  const openedMs = Date.parse(openedAt);
  const gate = { batchId: id, work, provider: agent.use };
  const pauses = await ledger.pauses(gate, openedAt);
  return {
    openedMs,
    jobs: counts.jobs,
    concurrency: limits.concurrency,
    done: counts.done,
    doneEarlier: await ledger.finishedBefore(id, openedSeq, earlier.toISOString()),
    moving: counts.waiting + counts.running,
    left: leftOf(counts),
    pausedMs: pausedMs(pauses, openedMs, now.getTime()),
    pausedEarlierMs: pausedMs(pauses, openedMs, earlier.getTime()),
    hold: isUnderWay(state) ? await ledger.holdOf(gate) : undefined,
  };
}

/** How a run stands to its deadline; undefined where it has none, or where what it was started from can't be read. */
export async function readDeadline(
  batch: BatchRow,
  { ledger, artifacts }: { readonly ledger: Read; readonly artifacts: ArtifactStore },
  now: Date,
): Promise<DeadlineStanding | undefined> {
  const definition = await definitionToShow(batch, artifacts);
  if (definition === undefined) return undefined;
  const deadline = deadlineOfRun(definition, batch);
  if (deadline === undefined) return undefined;
  const progress = await progressOf(batch, definition, ledger, now);
  const endedMs = batch.closedAt === undefined ? undefined : Date.parse(batch.closedAt);
  return deadlineStanding(deadline, progress, { nowMs: now.getTime(), endedMs });
}

const ownTimeZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;
