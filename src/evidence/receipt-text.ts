import type { Receipt } from '../contract/receipt.js';
import { canonicalJson } from '../identity/canonical-json.js';

/** A receipt, and what it is a receipt of: all that a signature covers. */
export interface ReceiptStatement extends Receipt {
  readonly work: string;
  readonly jobKey: string;
  /** Of the effect. */
  readonly name: string;
  readonly target: string;
  readonly batchId: string;
  readonly decidedBy?: string | undefined;
}

/**
 * The text that is signed: one line that says what it is, so that a signature can't be passed off for another kind of
 * thing, then the statement in canonical JSON. Fields that are not part of the statement are left out. Wire format.
 */
export function receiptText(statement: ReceiptStatement): string {
  const { effectKey, revision, id, url, sha256, landedAt, adopted } = statement;
  const { work, jobKey, name, target, batchId, decidedBy } = statement;
  const receipt = { effectKey, revision, id, url, sha256, landedAt, adopted };
  return `nightshift receipt v1\n${canonicalJson({ ...receipt, work, jobKey, name, target, batchId, decidedBy })}`;
}
