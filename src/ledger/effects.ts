import { AdapterError } from '../contract/errors.js';
import type { Signer } from '../evidence/signing.js';
import { beginAttempt, endAttempt } from './attempts.js';
import { writerOf } from './by.js';
import { assertMayBegin } from './holds.js';
import { detailOf, moveJob } from './job-state.js';
import {
  StaleFence,
  type By,
  type EffectId,
  type EffectRow,
  type EffectStop,
  type Ledger,
} from './ledger.js';
import { effectRow } from './effect-row.js';
import { landEffect, storable } from './landing.js';
import type { EffectsTable } from './schema.js';
import type { Db, Store } from './store.js';
import { assertEffectMove } from './transitions.js';

type Effects = Pick<
  Ledger,
  'beginEffect' | 'attemptingEffect' | 'acknowledgedEffect' | 'landEffect' | 'stopEffect' | 'checkFence'
>;

export const effects = (store: Store, signer: Signer | undefined): Effects => ({
  beginEffect: (effect, by) => store.write((db) => beginEffect(db, effect, by, store.now())),

  attemptingEffect: (effectKey, body, fence, gate) =>
    store.write(async (db) => {
      await assertMayBegin(db, gate);
      const effect = await fencedEffect(db, effectKey, fence);
      assertRevision(effect, body.revision);
      assertEffectMove(effectKey, effect.state, 'attempting');
      await assertMayUndo(db, effect);
      const at = store.now();
      await db
        .updateTable('effects')
        .set({
          state: 'attempting',
          first_sent_at: effect.first_sent_at ?? at,
          last_sent_at: at,
          sent_sha256: body.sha256,
          attempts: effect.attempts + 1,
          error_class: null,
          error_message: null,
          updated_at: at,
          updated_by: effect.claimed_by,
          detail: `revision ${body.revision}, body ${body.sha256}`,
        })
        .where('effect_key', '=', effectKey)
        .execute();
    }),

  acknowledgedEffect: (effectKey, { id, url }, fence) =>
    store.write(async (db) => {
      await fencedEffect(db, effectKey, fence);
      await db
        .updateTable('effects')
        .set({
          acknowledged_at: store.now(),
          acknowledged_id: storable(id),
          acknowledged_url: url === undefined ? null : storable(url),
        })
        .where('effect_key', '=', effectKey)
        .execute();
    }),

  landEffect: (receipt, settles, fence) =>
    store.write(async (db) => {
      const effect = await fencedEffect(db, receipt.effectKey, fence);
      assertRevision(effect, receipt.revision);
      await assertStillLanded(db, effect);
      return landEffect(db, effect, receipt, settles, { at: store.now(), signer });
    }),

  stopEffect: (effectKey, stop, fence) =>
    store.write(async (db) => stopEffect(db, await fencedEffect(db, effectKey, fence), stop, store.now())),

  async checkFence(effectKey, fence) {
    await fencedEffect(store.db, effectKey, fence);
  },
});

async function beginEffect(db: Db, id: EffectId, by: By, at: string): Promise<EffectRow> {
  const known = await db
    .selectFrom('effects')
    .selectAll()
    .where('effect_key', '=', id.effectKey)
    .executeTakeFirst();
  const effect = known === undefined ? await insert(db, id, by, at) : await take(db, known, id, by, at);
  const tried = { ...id, effect: { key: id.effectKey, name: id.name }, number: effect.fence };
  await beginAttempt(db, tried, by, at);
  await db
    .updateTable('jobs')
    .set({ step: id.name })
    .where('work', '=', id.work)
    .where('job_key', '=', id.jobKey)
    .execute();
  return effectRow(db, effect);
}

async function insert(db: Db, id: EffectId, by: By, at: string): Promise<EffectsTable> {
  const { others } = await db
    .selectFrom('effects')
    .select((eb) => eb.fn.countAll<number>().as('others'))
    .where('work', '=', id.work)
    .where('job_key', '=', id.jobKey)
    .executeTakeFirstOrThrow();
  const row: EffectsTable = {
    effect_key: id.effectKey,
    work: id.work,
    job_key: id.jobKey,
    position: Number(others) + 1,
    name: id.name,
    target: id.target,
    use: id.use,
    revision: id.revision,
    state: 'pending',
    fence: 1,
    batch_id: by.batchId,
    claimed_by: writerOf(by),
    first_sent_at: null,
    last_sent_at: null,
    attempts: 0,
    sent_sha256: null,
    ...NOT_ACKNOWLEDGED,
    landed_revision: null,
    undoes: id.undoes ?? null,
    error_class: null,
    error_message: null,
    updated_at: at,
    updated_by: writerOf(by),
    detail: `${id.name} at ${id.target}`,
  };
  await db.insertInto('effects').values(row).execute();
  return row;
}

async function take(db: Db, known: EffectsTable, id: EffectId, by: By, at: string): Promise<EffectsTable> {
  if (id.revision < known.revision) {
    throw new AdapterError(
      'conflict',
      `effect "${known.name}" has revision ${known.revision} already, and ${id.revision} is older ` +
        `[effect=${known.effect_key}, target=${known.target}]: raise the revision of the job to change it`,
    );
  }
  const raised = id.revision > known.revision;
  const taken: EffectsTable = {
    ...known,
    ...(raised && nextRevision(known)),
    use: id.use,
    revision: id.revision,
    fence: known.fence + 1,
    batch_id: by.batchId,
    claimed_by: writerOf(by),
    updated_at: at,
    updated_by: writerOf(by),
    detail: raised ? `revision ${id.revision} replaces ${known.revision}` : known.detail,
  };
  const { effect_key: _, ...values } = taken;
  await db.updateTable('effects').set(values).where('effect_key', '=', id.effectKey).execute();
  return taken;
}

/**
 * An outcome that is known, landed or refused, lets the new revision begin afresh. One that is not known stays so:
 * a request of the old revision may still arrive, and the new one must be sent with that in mind.
 */
function nextRevision(known: EffectsTable): Partial<EffectsTable> {
  const refused = known.state === 'failed' && known.acknowledged_at === null;
  if (known.state !== 'landed' && !refused) return {};
  const unsent = { first_sent_at: null, last_sent_at: null, sent_sha256: null, ...NOT_ACKNOWLEDGED };
  return { state: 'pending', ...unsent, error_class: null, error_message: null };
}

export const NOT_ACKNOWLEDGED = {
  acknowledged_at: null,
  acknowledged_id: null,
  acknowledged_url: null,
} as const;

async function stopEffect(db: Db, effect: EffectsTable, stop: EffectStop, at: string): Promise<void> {
  assertEffectMove(effect.effect_key, effect.state, stop.state);
  await db
    .updateTable('effects')
    .set({
      state: stop.state,
      error_class: stop.errorClass,
      error_message: stop.message,
      updated_at: at,
      updated_by: effect.claimed_by,
      detail: detailOf(stop) ?? null,
    })
    .where('effect_key', '=', effect.effect_key)
    .execute();
  const tried = {
    work: effect.work,
    jobKey: effect.job_key,
    effect: { key: effect.effect_key, name: effect.name },
    number: effect.fence,
  };
  await endAttempt(db, tried, stop.state, at);
  if (stop.job === undefined) return;
  const job = await db
    .selectFrom('jobs')
    .select(['work', 'job_key', 'state', 'active_since'])
    .where('work', '=', effect.work)
    .where('job_key', '=', effect.job_key)
    .executeTakeFirstOrThrow();
  await moveJob(db, job, stop.job, { at, by: effect.claimed_by }, true);
}

/** @throws StaleFence when the effect was taken again since `fence` was given */
async function fencedEffect(db: Db, effectKey: string, fence: number): Promise<EffectsTable> {
  const effect = await db
    .selectFrom('effects')
    .selectAll()
    .where('effect_key', '=', effectKey)
    .executeTakeFirstOrThrow(() => new Error(`the ledger has no effect ${effectKey}; begin it first`));
  if (effect.fence !== fence) {
    throw new StaleFence(
      `another try took effect "${effect.name}" over [effect=${effectKey}, fence=${fence}, ` +
        `present=${effect.fence}]: this one stops`,
    );
  }
  return effect;
}

/**
 * Sending and taking back exclude each other: no request that sends may be out when one leaves that takes back.
 * @throws AdapterError `conflict`
 */
async function assertMayUndo(db: Db, undo: EffectsTable): Promise<void> {
  const undone = await assertStillLanded(db, undo);
  if (undone?.state !== 'attempting' && undone?.state !== 'unknown') return;
  throw new AdapterError(
    'conflict',
    `revision ${undone.revision} of "${undone.name}" was sent, and got no answer yet; nothing was taken back`,
    { sent: 'no' },
  );
}

/**
 * What is taken back is the revision that has landed, and not a newer one.
 * @returns what is taken back; undefined for an effect that takes nothing back
 * @throws AdapterError `conflict`
 */
async function assertStillLanded(
  db: Db,
  { undoes, revision }: EffectsTable,
): Promise<EffectsTable | undefined> {
  if (undoes === null) return undefined;
  const undone = await db
    .selectFrom('effects')
    .selectAll()
    .where('effect_key', '=', undoes)
    .executeTakeFirstOrThrow();
  if (undone.landed_revision === revision) return undone;
  const landed = undone.landed_revision === null ? 'nothing' : `revision ${undone.landed_revision}`;
  throw new AdapterError(
    'conflict',
    `${landed} of "${undone.name}" has landed by now, and revision ${revision} was to be taken back; ` +
      'nightshift ledger verify says what is there',
  );
}

function assertRevision(effect: EffectsTable, revision: number): void {
  if (effect.revision === revision) return;
  throw new Error(
    `effect ${effect.effect_key} is at revision ${effect.revision}; revision ${revision} was not begun`,
  );
}
