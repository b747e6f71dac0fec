import type { EffectRow } from './ledger.js';
import { receiptOf } from './rows.js';
import type { EffectsTable } from './schema.js';
import type { Db } from './store.js';

/** What is known of an effect, with its newest receipt and what was taken back. */
export const effectRow = async (db: Db, row: EffectsTable): Promise<EffectRow> => ({
  work: row.work,
  jobKey: row.job_key,
  effectKey: row.effect_key,
  name: row.name,
  target: row.target,
  use: row.use,
  revision: row.revision,
  state: row.state,
  fence: row.fence,
  ...(row.undoes !== null && { undoes: row.undoes }),
  firstSentAt: row.first_sent_at ?? undefined,
  lastSentAt: row.last_sent_at ?? undefined,
  attempts: row.attempts,
  sentSha256: row.sent_sha256 ?? undefined,
  acknowledged: acknowledgedOf(row),
  receipt: await newestReceipt(db, row),
  unpublishedRevision: await unpublishedRevision(db, row),
});

function acknowledgedOf(row: EffectsTable): EffectRow['acknowledged'] {
  const { acknowledged_at: at, acknowledged_id: id, acknowledged_url: url } = row;
  return at === null || id === null ? undefined : { at, id, ...(url !== null && { url }) };
}

async function newestReceipt(db: Db, effect: EffectsTable): Promise<EffectRow['receipt']> {
  if (effect.landed_revision === null) return undefined;
  const receipt = await db
    .selectFrom('receipts')
    .selectAll()
    .where('effect_key', '=', effect.effect_key)
    .where('revision', '=', effect.landed_revision)
    .executeTakeFirstOrThrow();
  return receiptOf(receipt);
}

/** Of the effects that take this one back; their revision is the one that they took back. */
async function unpublishedRevision(db: Db, effect: EffectsTable): Promise<number | undefined> {
  const { revision } = await db
    .selectFrom('effects')
    .select((eb) => eb.fn.max('landed_revision').as('revision'))
    .where('undoes', '=', effect.effect_key)
    .executeTakeFirstOrThrow();
  return revision ?? undefined;
}
