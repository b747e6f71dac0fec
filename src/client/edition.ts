import { EDITION_HINT } from '../batch/missing-hint.js';
import type { Batch, BatchRead } from '../batch/read-batch.js';
import { UsageError } from '../contract/errors.js';
import type { KeptSchedule, Ledger } from '../ledger/ledger.js';
import { editionFault, readPeriod } from '../policy/editions.js';
import { editionOf } from '../policy/nights.js';

type Night = Pick<Batch, 'definition' | 'edition'>;

/**
 * Another spelling of a date is another night, which would be paid for a second time. One that was run before is what it
 * is, and may be started again. What looks like a month may be a season (`2026-27`) or an issue, where no schedule of the
 * batch goes by months.
 * @throws UsageError
 */
export async function assertEdition(
  { definition: { name }, edition = '' }: Night,
  ledger: () => Promise<Pick<Ledger, 'latestBatch' | 'keptSchedules'>>,
): Promise<void> {
  const fault = editionFault(edition);
  if (fault === undefined) return;
  const opened = await ledger();
  if ((await opened.latestBatch(name, edition)) !== undefined) return;
  if (readPeriod(edition)?.kind !== 'month') throw new UsageError(fault);
  const kept = await schedulesOf(name, opened);
  if (kept.some(({ definition }) => definition.edition === 'month')) throw new UsageError(fault);
}

/** A night that no schedule of the batch would ever ask for, whatever it is called; without one, what is no month. */
export async function foreignEdition(
  { definition: { name }, edition }: Night,
  ledger: Pick<Ledger, 'keptSchedules' | 'latestBatch'>,
): Promise<string[]> {
  if (edition === undefined) return [];
  const kept = await schedulesOf(name, ledger);
  const [first] = kept;
  const period = readPeriod(edition);
  const kind = period?.kind;
  if (!first) {
    const isOdd = kind === 'month' && period?.normal !== edition;
    if (!isOdd || (await ledger.latestBatch(name, edition)) !== undefined) return [];
    const meant = period?.normal === undefined ? '' : `; as a month it is written ${period.normal}`;
    return [`the edition "${edition}" is taken as it is, and is no month${meant}`];
  }
  if (kept.some(({ definition }) => definition.edition === kind)) return [];
  const { name: schedule, timeZone, edition: rule } = first.definition;
  return [
    `${schedule} starts this batch with editions such as ${editionOf(new Date(), timeZone, rule)}: "${edition}" is a night beside all of these`,
  ];
}

/** The same problems; who lacks an edition is told the form in which a kept schedule of the batch gives it. */
export async function withEditionHint(
  read: BatchRead,
  ledger: () => Promise<Pick<Ledger, 'keptSchedules'>>,
): Promise<BatchRead> {
  const name = read.parts?.declared.name;
  if (name === undefined || !read.problems.some(({ hint }) => hint === EDITION_HINT)) return read;
  const [first] = await schedulesOf(name, await ledger());
  if (!first) return read;
  const { name: schedule, timeZone, edition } = first.definition;
  const hint =
    `give the night: --edition EDITION, such as ${editionOf(new Date(), timeZone, edition)}, as ${schedule} has it; ` +
    `or start it as that does: nightshift schedule trigger ${schedule}`;
  return {
    ...read,
    problems: read.problems.map((problem) =>
      problem.hint === EDITION_HINT ? { ...problem, hint } : problem,
    ),
  };
}

const schedulesOf = async (
  name: string,
  ledger: Pick<Ledger, 'keptSchedules'>,
): Promise<readonly KeptSchedule[]> =>
  (await ledger.keptSchedules()).filter(({ batchName }) => batchName === name);
