import type { AlertRow } from '../ledger/alert-rows.js';
import type { Ledger } from '../ledger/ledger.js';
import { isAbout } from '../policy/alert-rules.js';
import { leftOf } from '../report/job-counts.js';

/** Runs of one name, as far as alerts about single runs need them. */
export interface RunsOfName {
  readonly isUnderWay: (batchId: string) => boolean;
  /** Whether an alert is over because its run is; `untold` where that has left jobs, for then nothing has recovered. */
  readonly hasEnded: (alert: Pick<AlertRow, 'batchId'>) => boolean | 'untold';
}

/** @param open alerts of that name */
export async function runsOfName(
  name: string,
  open: readonly AlertRow[],
  ledger: Ledger,
): Promise<RunsOfName> {
  const underWay = new Set((await ledger.openBatchesNamed(name)).map(({ id }) => id));
  const unfinished = await unfinishedOf(open, ledger);
  return {
    isUnderWay: (batchId) => underWay.has(batchId),
    hasEnded: ({ batchId }) => (underWay.has(batchId) ? false : unfinished.has(batchId) ? 'untold' : true),
  };
}

/** Of the runs that such alerts are open of, those that have jobs left. */
async function unfinishedOf(open: readonly AlertRow[], ledger: Ledger): Promise<ReadonlySet<string>> {
  const left = new Set<string>();
  for (const { rule, batchId } of open) {
    const row = isAbout(rule, 'run') ? await ledger.batch(batchId) : undefined;
    if (row && leftOf(await ledger.counts(row.id, row.openedSeq)) > 0) left.add(batchId);
  }
  return left;
}
