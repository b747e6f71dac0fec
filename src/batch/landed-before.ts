import type { Effect } from '../contract/job.js';
import type { Receipt } from '../contract/receipt.js';
import { undoOf } from './effects.js';

/** What is known to have landed of an effect. */
export interface LandedBefore {
  /** The newest one. */
  readonly receipt: Receipt | undefined;
  /** What it proves was taken back by us. */
  readonly takenBack: boolean;
}

/** A receipt with the effect that it is for. */
interface Landed extends Receipt {
  readonly work: string;
  readonly jobKey: string;
  readonly name: string;
  readonly target: string;
  /** Key of the effect that it took back. */
  readonly undoes?: string;
}

/** @param receipts all of the job, in any order */
export function landedBefore(
  receipts: readonly Receipt[],
  { key, name, target }: Pick<Effect, 'key' | 'name' | 'target'>,
  job: { readonly work: string; readonly jobKey: string },
): LandedBefore {
  const receipt = newestOf(receipts, key);
  const undone = newestOf(receipts, undoOf({ ...job, name, target }).key);
  const takenBack = receipt !== undefined && undone !== undefined && undone.revision >= receipt.revision;
  return { receipt, takenBack };
}

/**
 * What is to be at the destinations by a job's receipts alone: the newest of each effect that was not taken back.
 * @param receipts all of the job, in any order
 */
export const standing = <R extends Landed>(receipts: readonly R[]): readonly R[] =>
  receipts.filter((row) => {
    if (row.undoes !== undefined) return false;
    const { receipt, takenBack } = landedBefore(receipts, { ...row, key: row.effectKey }, row);
    return receipt === row && !takenBack;
  });

const newestOf = (receipts: readonly Receipt[], effectKey: string): Receipt | undefined =>
  receipts
    .filter((receipt) => receipt.effectKey === effectKey)
    .reduce<Receipt | undefined>(
      (newest, receipt) => (newest && newest.revision >= receipt.revision ? newest : receipt),
      undefined,
    );
