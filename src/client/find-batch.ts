import { UsageError } from '../contract/errors.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';

/** Which batch is meant. */
export interface BatchAsked {
  /** A name means the run opened last; a Workflow ID just that batch. */
  readonly nameOrId: string;
  /** Of a name, only batches with jobs of this edition. */
  readonly edition: string | undefined;
}

export const findBatch = async (
  { nameOrId, edition }: BatchAsked,
  ledger: Pick<Ledger, 'batch' | 'latestBatch'>,
): Promise<BatchRow | undefined> =>
  (await ledger.batch(nameOrId)) ?? (await ledger.latestBatch(nameOrId, edition));

/** @throws UsageError that says what there is */
export async function batchMeant(asked: BatchAsked, ledger: Ledger, stateDir: string): Promise<BatchRow> {
  const found = await findBatch(asked, ledger);
  if (found) return found;
  const { nameOrId, edition } = asked;
  const recent = await ledger.batches();
  const ofName = recent.filter(({ name }) => name === nameOrId);
  if (edition !== undefined && ofName.length > 0) {
    const editions = [...new Set(ofName.flatMap((batch) => batch.edition ?? []))];
    const there = editions.length > 0 ? `; there are: ${editions.join(', ')}` : '';
    throw new UsageError(`no batch "${nameOrId}" of edition ${edition} in ${stateDir}${there}`);
  }
  const names = [...new Set(recent.map(({ name }) => name))].slice(0, 20);
  const there = names.length > 0 ? `there are: ${names.join(', ')}` : 'none was ever run there';
  throw new UsageError(`no batch "${nameOrId}" in ${stateDir}; ${there}`);
}
