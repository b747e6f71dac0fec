import type { Definition } from '../contract/batch-file.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import { deadlineOfRun, progressOf } from '../nights/deadline.js';
import type { AlertCause } from '../policy/alerts.js';
import { deadlineCauses, outlookOf, type DeadlineCommands } from '../policy/deadline.js';
import type { RunsOfName } from './runs-of-name.js';

export interface DeadlineLook {
  readonly causes: readonly AlertCause[];
  /** Whether its alert about a deadline is over while it is under way: it is well in time again, or has no deadline any more. */
  readonly isOver: boolean;
}

/** What is to be told of the deadline of a batch. */
export async function deadlineLook(
  batch: BatchRow,
  definition: Definition,
  runs: RunsOfName,
  { ledger, now, commands }: { ledger: Ledger; now: Date; commands: DeadlineCommands },
): Promise<DeadlineLook> {
  const deadline = runs.isUnderWay(batch.id) ? deadlineOfRun(definition, batch) : undefined;
  if (deadline === undefined) return { causes: [], isOver: true };
  const nowMs = now.getTime();
  const progress = await progressOf(batch, definition, ledger, now);
  return {
    causes: deadlineCauses(batch, deadline, progress, { nowMs, commands }),
    isOver: outlookOf(deadline, progress, nowMs) === 'in-time',
  };
}
