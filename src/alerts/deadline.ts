import type { Definition } from '../contract/batch-file.js';
import type { AlertRow } from '../ledger/alert-rows.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import { deadlineOfRun, progressOf } from '../nights/deadline.js';
import type { AlertCause } from '../policy/alerts.js';
import { deadlineCauses, outlookOf, type DeadlineCommands } from '../policy/deadline.js';

export interface DeadlineLook {
  readonly causes: readonly AlertCause[];
  /** Whether an alert about a deadline is over: its run has ended, or is well in time again. */
  readonly isOver: (alert: Pick<AlertRow, 'batchId'>) => boolean;
}

/** What is to be told of the deadline of a batch, and of those of other runs of its name that nobody looks at any more. */
export async function deadlineLook(
  batch: BatchRow,
  definition: Definition,
  { ledger, now, commands }: { ledger: Ledger; now: Date; commands: DeadlineCommands },
): Promise<DeadlineLook> {
  const underWay = new Set((await ledger.openBatchesNamed(batch.name)).map(({ id }) => id));
  const deadline = underWay.has(batch.id) ? deadlineOfRun(definition, batch) : undefined;
  if (deadline === undefined)
    return { causes: [], isOver: ({ batchId }) => batchId === batch.id || !underWay.has(batchId) };
  const nowMs = now.getTime();
  const progress = await progressOf(batch, definition, ledger, now);
  const inTime = outlookOf(deadline, progress, nowMs) === 'in-time';
  return {
    causes: deadlineCauses(batch.name, deadline, progress, { nowMs, commands }),
    isOver: ({ batchId }) => (batchId === batch.id ? inTime : !underWay.has(batchId)),
  };
}
