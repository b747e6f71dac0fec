import { toUSVString } from 'node:util';
import type { Receipt } from '../contract/receipt.js';
import { isFinished } from '../contract/states.js';
import type { Signer } from '../evidence/signing.js';
import { endAttempt } from './attempts.js';
import { moveJob } from './job-state.js';
import type { Settles } from './ledger.js';
import { receiptOf } from './rows.js';
import type { EffectsTable } from './schema.js';
import { signatureColumns } from './signing.js';
import { headOf, type Db } from './store.js';
import { assertEffectMove } from './transitions.js';

export interface Landing {
  readonly at: string;
  readonly signer: Signer | undefined;
  /** Who said that it landed, and why, where no look-up could. */
  readonly decided?: { readonly by: string; readonly reason: string };
}

/**
 * Books a receipt: its row, the effect's state and, when it was the last one missing, the job's.
 * The same object again changes nothing, for the answer to the first call may have been lost.
 */
export async function landEffect(
  db: Db,
  effect: EffectsTable,
  receipt: Receipt,
  settles: Settles | undefined,
  landing: Landing,
): Promise<{ jobDone: boolean }> {
  const { at } = landing;
  const written = await receiptAt(db, receipt);
  if (written === undefined) await book(db, effect, wellFormed(receipt), landing);
  else assertSame(written, wellFormed(receipt));
  const { work, job_key: jobKey, fence: number } = effect;
  await endAttempt(
    db,
    { work, jobKey, effect: { key: effect.effect_key, name: effect.name }, number },
    'landed',
    at,
  );
  return { jobDone: settles !== undefined && (await settle(db, effect, settles, at)) };
}

async function book(
  db: Db,
  effect: EffectsTable,
  receipt: Receipt,
  { at, signer, decided }: Landing,
): Promise<void> {
  assertEffectMove(effect.effect_key, effect.state, 'landed');
  await db
    .updateTable('effects')
    .set({
      state: 'landed',
      landed_revision: receipt.revision,
      error_class: null,
      error_message: null,
      updated_at: at,
      updated_by: effect.claimed_by,
      detail: landedAs(receipt, decided),
    })
    .where('effect_key', '=', effect.effect_key)
    .execute();
  const { work, job_key: jobKey, name, target, batch_id: batchId } = effect;
  const decidedBy = decided && storable(decided.by);
  const statement = { ...receipt, work, jobKey, name, target, batchId, decidedBy };
  await db
    .insertInto('receipts')
    .values({
      effect_key: receipt.effectKey,
      revision: receipt.revision,
      id: receipt.id,
      url: receipt.url ?? null,
      sha256: receipt.sha256,
      landed_at: receipt.landedAt,
      adopted: receipt.adopted ? 1 : 0,
      work,
      job_key: jobKey,
      batch_id: batchId,
      recorded_at: at,
      recorded_by: effect.claimed_by,
      recorded_seq: await headOf(db), // the row of `history` that the update above has just written
      decided_by: decidedBy ?? null,
      ...(await signatureColumns(db, signer, statement, at)),
    })
    .execute();
}

function landedAs({ adopted, id, url }: Receipt, decided: Landing['decided']): string {
  const place = `${id}${url === undefined ? '' : ` ${url}`}`;
  return decided === undefined
    ? `${adopted ? 'found' : 'sent'}: ${place}`
    : `decided: landed as ${place}: ${decided.reason}`;
}

/** What is signed must be what is read back: half a surrogate pair survives no database, U+0000 not every one. */
export const storable = (text: string): string => toUSVString(text).replaceAll('\0', '\ufffd');

const wellFormed = (receipt: Receipt): Receipt => ({
  ...receipt,
  id: storable(receipt.id),
  ...(receipt.url !== undefined && { url: storable(receipt.url) }),
});

export async function receiptAt(
  db: Db,
  { effectKey, revision }: Pick<Receipt, 'effectKey' | 'revision'>,
): Promise<Receipt | undefined> {
  const row = await db
    .selectFrom('receipts')
    .selectAll()
    .where('effect_key', '=', effectKey)
    .where('revision', '=', revision)
    .executeTakeFirst();
  return row && receiptOf(row);
}

/** When it was seen, and whether by its sender or a later look-up, may differ: the first word stays. */
function assertSame(written: Receipt, receipt: Receipt): void {
  const same = written.id === receipt.id && written.url === receipt.url && written.sha256 === receipt.sha256;
  if (same) return;
  throw new Error(
    `effect ${receipt.effectKey} revision ${receipt.revision} has another receipt already ` +
      `[id=${written.id}, given=${receipt.id}]: receipts never change`,
  );
}

/** True when the job is finished, by this landing or before. */
async function settle(db: Db, effect: EffectsTable, settles: Settles, at: string): Promise<boolean> {
  const keys = new Set(settles.effectKeys);
  const landed = await db
    .selectFrom('effects as e')
    .innerJoin('receipts as r', (join) =>
      join.onRef('r.effect_key', '=', 'e.effect_key').onRef('r.revision', '=', 'e.landed_revision'),
    )
    .select('r.adopted')
    .where('e.effect_key', 'in', [...keys])
    .where('e.state', '=', 'landed')
    .where('e.revision', '>=', settles.revision)
    .execute();
  if (landed.length < keys.size) return false;

  const job = await db
    .selectFrom('jobs')
    .select(['work', 'job_key', 'state', 'active_since', 'revision'])
    .where('work', '=', settles.work)
    .where('job_key', '=', settles.jobKey)
    .executeTakeFirstOrThrow(() => new Error(`the ledger has no job ${settles.work}:${settles.jobKey}`));
  if (isFinished(job.state)) return true;
  if (job.revision > settles.revision) return false; // claimed meanwhile for a newer one, which is not done
  const adopted = settles.state === 'adopted' && landed.every((receipt) => receipt.adopted === 1);
  const written = { at, by: effect.claimed_by };
  await moveJob(db, job, { state: adopted ? 'adopted' : 'done' }, written, true);
  return true;
}
