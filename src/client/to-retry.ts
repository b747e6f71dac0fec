import { withLastOutput } from '../artifacts/last-output.js';
import { ERROR_CLASSES, UsageError } from '../contract/errors.js';
import type { JobSelection } from '../contract/job-selection.js';
import type { BatchRow, StoppedJob } from '../ledger/ledger.js';
import type { Connections } from './connections.js';

/** The jobs that a retry would take. Changes nothing, and needs no engine. @throws UsageError */
export async function toRetry(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection = {},
): Promise<readonly StoppedJob[]> {
  assertSelection(selection);
  const jobs = await (await connections.ledger()).stopped(row.id, selection);
  return jobs.map(withLastOutput(connections.config.stateDir));
}

/** @throws UsageError */
export function assertSelection({ errors = [], first }: JobSelection): void {
  const unknown = errors.find((name) => !ERROR_CLASSES.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`"${unknown}" is no error class; there are: ${ERROR_CLASSES.join(', ')}`);
  }
  if (first !== undefined && !(Number.isInteger(first) && first >= 1)) {
    throw new UsageError(`how many jobs to take first is a whole number from 1, not ${first}`);
  }
}
