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

const newestOf = (receipts: readonly Receipt[], effectKey: string): Receipt | undefined =>
  receipts
    .filter((receipt) => receipt.effectKey === effectKey)
    .reduce<Receipt | undefined>(
      (newest, receipt) => (newest && newest.revision >= receipt.revision ? newest : receipt),
      undefined,
    );
