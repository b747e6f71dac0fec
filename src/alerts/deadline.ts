import type { Definition } from '../contract/batch-file.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import { deadlineOfRun, progressOf } from '../nights/deadline.js';
import type { AlertCause } from '../policy/alerts.js';
import { deadlineCauses, outlookOf, type DeadlineCommands } from '../policy/deadline.js';
import type { RunsOfName } from './runs-of-name.js';

export interface DeadlineLook {
  readonly causes: readonly AlertCause[];
  /** Whether an alert about a deadline is over: its run has ended, or is well in time again. One that left jobs has not recovered. */
  readonly isOver: RunsOfName['hasEnded'];
}

/** What is to be told of the deadline of a batch, and of those of other runs of its name that nobody looks at any more. */
export async function deadlineLook(
  batch: BatchRow,
  definition: Definition,
  runs: RunsOfName,
  { ledger, now, commands }: { ledger: Ledger; now: Date; commands: DeadlineCommands },
): Promise<DeadlineLook> {
  const isUnderWay = runs.isUnderWay(batch.id);
  const deadline = isUnderWay ? deadlineOfRun(definition, batch) : undefined;
  if (deadline === undefined) {
    return {
      causes: [],
      isOver: (alert) => (isUnderWay && alert.batchId === batch.id) || runs.hasEnded(alert),
    };
  }
  const nowMs = now.getTime();
  const progress = await progressOf(batch, definition, ledger, now);
  const inTime = outlookOf(deadline, progress, nowMs) === 'in-time';
  return {
    causes: deadlineCauses(batch, deadline, progress, { nowMs, commands }),
    isOver: (alert) => (alert.batchId === batch.id ? inTime : runs.hasEnded(alert)),
  };
}
