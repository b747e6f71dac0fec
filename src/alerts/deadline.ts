import type { Definition } from '../contract/batch-file.js';
import type { AlertRow } from '../ledger/alert-rows.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import { deadlineOfRun, progressOf } from '../nights/deadline.js';
import { isAbout } from '../policy/alert-rules.js';
import type { AlertCause } from '../policy/alerts.js';
import { deadlineCauses, outlookOf, type DeadlineCommands } from '../policy/deadline.js';
import { leftOf } from '../report/job-counts.js';

export interface DeadlineLook {
  readonly causes: readonly AlertCause[];
  /** Whether an alert about a deadline is over: its run has ended, or is well in time again. One that left jobs has not recovered. */
  readonly isOver: (alert: Pick<AlertRow, 'batchId'>) => boolean | 'untold';
}

/**
 * What is to be told of the deadline of a batch, and of those of other runs of its name that nobody looks at any more.
 * @param open alerts of that name
 */
export async function deadlineLook(
  batch: BatchRow,
  definition: Definition,
  open: readonly AlertRow[],
  { ledger, now, commands }: { ledger: Ledger; now: Date; commands: DeadlineCommands },
): Promise<DeadlineLook> {
  const underWay = new Set((await ledger.openBatchesNamed(batch.name)).map(({ id }) => id));
  const unfinished = await unfinishedOf(open, ledger);
  const ended = ({ batchId }: Pick<AlertRow, 'batchId'>) =>
    underWay.has(batchId) ? false : unfinished.has(batchId) ? 'untold' : true;
  const deadline = underWay.has(batch.id) ? deadlineOfRun(definition, batch) : undefined;
  if (deadline === undefined) {
    const isWithout = underWay.has(batch.id);
    return { causes: [], isOver: (alert) => (isWithout && alert.batchId === batch.id) || ended(alert) };
  }
  const nowMs = now.getTime();
  const progress = await progressOf(batch, definition, ledger, now);
  const inTime = outlookOf(deadline, progress, nowMs) === 'in-time';
  return {
    causes: deadlineCauses(batch, deadline, progress, { nowMs, commands }),
    isOver: (alert) => (alert.batchId === batch.id ? inTime : ended(alert)),
  };
}

/** Of the runs that alerts about a deadline are open of, those that have jobs left. */
async function unfinishedOf(open: readonly AlertRow[], ledger: Ledger): Promise<ReadonlySet<string>> {
  const left = new Set<string>();
  for (const { rule, batchId } of open) {
    const row = isAbout(rule, 'deadline') ? await ledger.batch(batchId) : undefined;
    if (row && leftOf(await ledger.counts(row.id, row.openedSeq)) > 0) left.add(batchId);
  }
  return left;
}
