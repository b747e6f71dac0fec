import type { FoundEffect } from '../activities/publishers/publisher.js';
import type { Receipt } from '../contract/receipt.js';

/**
 * `same`: as the receipt says · `missing`: the receipt's object is not there · `drifted`: it is there and is not what
 * the receipt says · `extra`: it is there and no receipt says so · `none`: neither · `unasked`: the destination can't
 * be asked, the receipt is all there is.
 */
export type Drift = 'same' | 'missing' | 'drifted' | 'extra' | 'none' | 'unasked';

export interface Compared {
  readonly drift: Drift;
  readonly why?: string;
}

/** Compares a receipt with what the destination says. `undone`: the receipt's object was unpublished by us. */
export function compare(
  receipt: Receipt | undefined,
  found: FoundEffect | undefined,
  undone: boolean,
): Compared {
  if (found === undefined) return { drift: receipt === undefined ? 'none' : 'unasked' };
  const extra = found.extras?.[0];
  if (extra) return { drift: 'extra', why: `a second object of ours: ${extra.url ?? extra.id}` };
  if (receipt === undefined || undone) return withoutReceipt(found);
  switch (found.kind) {
    case 'absent':
      return { drift: 'missing', why: 'it is not there' };
    case 'removed':
      return { drift: 'missing', why: found.why };
    case 'theirs':
      return { drift: 'drifted', why: found.why };
    case 'ours':
      return compareOurs(receipt, found);
  }
}

function withoutReceipt(found: FoundEffect): Compared {
  if (found.kind !== 'ours' || !found.placed.visible) return { drift: 'none' };
  return { drift: 'extra', why: 'it is there, and the ledger has no receipt for it' };
}

function compareOurs(receipt: Receipt, { placed }: Extract<FoundEffect, { kind: 'ours' }>): Compared {
  if (!placed.visible) return { drift: 'drifted', why: 'it is hidden' };
  if (placed.id !== receipt.id) return { drift: 'drifted', why: `it is ${placed.id} there now` };
  if (placed.revision !== undefined && placed.revision !== receipt.revision)
    return { drift: 'drifted', why: `it has revision ${placed.revision}, the receipt ${receipt.revision}` };
  if (placed.sha256 !== receipt.sha256) return { drift: 'drifted', why: 'its content was changed since' };
  return { drift: 'same' };
}
