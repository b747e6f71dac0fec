import { receiptText, type ReceiptStatement } from '../evidence/receipt-text.js';
import type { Signer } from '../evidence/signing.js';
import type { ReceiptsTable } from './schema.js';
import type { Db } from './store.js';

/**
 * Signs a receipt that is about to be written, and keeps the public half of the key beside it.
 * @param signer  undefined: receipts of this ledger are not signed
 */
export async function signatureColumns(
  db: Db,
  signer: Signer | undefined,
  statement: ReceiptStatement,
  at: string,
): Promise<Pick<ReceiptsTable, 'signature' | 'signed_by'>> {
  if (signer === undefined) return { signature: null, signed_by: null };
  await keepPublicKey(db, signer, at);
  return { signature: signer.sign(receiptText(statement)), signed_by: signer.keyId };
}

async function keepPublicKey(db: Db, { keyId, publicKey }: Signer, at: string): Promise<void> {
  const known = await db
    .selectFrom('signing_keys')
    .select('key_id')
    .where('key_id', '=', keyId)
    .executeTakeFirst();
  if (known !== undefined) return;
  await db
    .insertInto('signing_keys')
    .values({ key_id: keyId, public_key: publicKey, first_used_at: at })
    .onConflict((conflict) => conflict.column('key_id').doNothing()) // two writers may find it missing at once
    .execute();
}
