import { lookAtBatch } from '../alerts/look.js';
import { UsageError } from '../contract/errors.js';
import type { JobSelection } from '../contract/job-selection.js';
import type { BatchRow, Discarding } from '../ledger/ledger.js';
import type { Connections } from './connections.js';
import { assertSelection } from './to-retry.js';

/**
 * A person decides that stopped jobs will not be done. Needs no engine: whoever starts a job asks the ledger first, and a
 * batch under way asks it at its end.
 * @throws UsageError without a reason, or where nothing says which jobs are meant
 */
export async function discardJobs(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection,
  reason: string,
): Promise<readonly Discarding[]> {
  assertSelection(selection);
  if (reason.trim() === '') {
    throw new UsageError(
      'why will they not be done? Whoever looks for them later is told the reason: give one',
    );
  }
  if (selection.keys === undefined && selection.errors === undefined) {
    throw new UsageError('which jobs will not be done? Name them by their keys, or the class of their error');
  }
  const { artifacts, config, who } = connections;
  const ledger = await connections.ledger();
  const ends = await ledger.discard(row, { by: who, reason, selection });
  if (ends.some(({ outcome }) => outcome === 'discarded')) {
    // What was told of them is over.
    await lookAtBatch(row.id, { ledger, artifacts, stateDir: config.stateDir, now: () => new Date() });
  }
  return ends;
}
