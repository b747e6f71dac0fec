import type { Batch } from '../batch/read-batch.js';
import { UsageError } from '../contract/errors.js';
import type { Ledger } from '../ledger/ledger.js';
import { editionFault, readPeriod } from '../policy/editions.js';
import { editionOf } from '../policy/nights.js';

type Night = Pick<Batch, 'definition' | 'edition'>;

/**
 * Another spelling of a date is another night, which would be paid for a second time. One that was run before is what it
 * is, and may be started again.
 * @throws UsageError
 */
export async function assertEdition(
  { definition: { name }, edition = '' }: Night,
  ledger: () => Promise<Pick<Ledger, 'latestBatch'>>,
): Promise<void> {
  const fault = editionFault(edition);
  if (fault === undefined) return;
  if ((await (await ledger()).latestBatch(name, edition)) === undefined) throw new UsageError(fault);
}

/** A night that no schedule of the batch would ever ask for, whatever it is called. */
export async function foreignEdition(
  { definition: { name }, edition }: Night,
  ledger: Pick<Ledger, 'keptSchedules'>,
): Promise<string[]> {
  if (edition === undefined) return [];
  const kept = (await ledger.keptSchedules()).filter(({ batchName }) => batchName === name);
  const [first] = kept;
  const kind = readPeriod(edition)?.kind;
  if (!first || kept.some(({ definition }) => definition.edition === kind)) return [];
  const { name: schedule, timeZone, edition: rule } = first.definition;
  return [
    `${schedule} starts this batch with editions such as ${editionOf(new Date(), timeZone, rule)}: "${edition}" is a night beside all of these`,
  ];
}
