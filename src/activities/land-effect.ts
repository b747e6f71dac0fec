import { AdapterError, asMaybeSent } from '../contract/errors.js';
import type { OnUnknown } from '../contract/batch-file.js';
import type { Effect, Job } from '../contract/job.js';
import type { JobRef, Trouble } from '../contract/messages.js';
import type { Receipt } from '../contract/receipt.js';
import type { EffectRow, Ledger, Settles } from '../ledger/ledger.js';
import { afterContradiction, afterSilence, type AfterSilence } from '../policy/unknown-outcome.js';
import { asked, guarded } from './ask-publisher.js';
import type { CrashPoint } from './crash-points.js';
import { withNamedOwner } from './named-owner.js';
import type {
  BodyRequest,
  EffectRequest,
  FoundEffect,
  Placed,
  Publisher,
  PublisherContext,
} from './publishers/publisher.js';

/** One try at one effect, with all it needs. */
export interface Landing {
  readonly publisher: Publisher;
  readonly body: BodyRequest;
  /** Hash of all that the request is made from: artifact, options (secrets left out), revision, adapter. */
  readonly requestSha256: string;
  /** As `beginEffect` gave it to this try. */
  readonly row: EffectRow;
  readonly ledger: Pick<Ledger, 'landEffect' | 'acknowledgedEffect' | 'effectOf'>;
  /** Commits that a request is about to leave. @throws StaleFence */
  readonly attempting: () => Promise<void>;
  /**
   * Asked right before each request that changes something: this try is still the one, and has time left for it.
   * @throws StaleFence, or AdapterError with `sent: 'no'`
   */
  readonly maySend: () => Promise<void>;
  /** Why the plan that this run is bound by does not allow it; absent where there is no plan. */
  readonly forbidden?: ((action: 'create' | 'update') => string | undefined) | undefined;
  /** What the batch wants where neither a look-up nor a key can tell. */
  readonly onUnknown: OnUnknown;
  readonly settles: Settles;
  readonly context: PublisherContext;
  readonly reached: (point: CrashPoint) => void | Promise<void>;
}

type Found<K extends FoundEffect['kind']> = Extract<FoundEffect, { kind: K }>;

export type Landed =
  { readonly kind: 'landed' | 'adopted'; readonly receipt: Receipt } | ({ readonly kind: 'held' } & Trouble);

/**
 * The one algorithm by which every effect lands, for all classes of destinations.
 *
 *  LE1. Nothing is sent before the ledger and the destination have both said that it is not there.
 *  LE2. `attempting` is committed before the request leaves; a receipt is committed only after a read-back.
 *  LE3. Somebody else's object is never touched, and nothing of ours becomes visible under another name.
 *  LE4. After a request that got no answer, another one leaves only where the destination has proved that the first
 *       did nothing, or will recognise the second by its key.
 *  LE5. What a destination has said is there is never sent again because a later look-up does not find it.
 *  LE6. A run that is bound by a plan sends nothing that the plan does not show.
 *
 * @throws AdapterError; what follows from it is decided by `publish`
 */
export async function landEffect(landing: Landing): Promise<Landed> {
  const { publisher, body, row, reached } = landing;
  if (row.receipt && row.receipt.revision >= body.revision) return record(landing, row.receipt);
  await reached('E1');

  await settle(landing);
  const found = await look(landing);
  switch (found?.kind) {
    case 'theirs':
    case 'removed':
      await discard(landing, found.extras);
      return held(`${found.location}: ${found.why}`);
    case 'ours':
      return takeOver(landing, found);
    case 'absent':
    case undefined: // it can't be asked
  }
  const forbidden = landing.forbidden?.('create');
  if (forbidden !== undefined) return isOpenQuestion(landing) ? inDoubt(forbidden) : held(forbidden); // LE4, LE6
  await discard(landing, found?.extras);
  if (row.receipt && row.unpublishedRevision !== row.receipt.revision) {
    const place = row.receipt.url ?? row.receipt.id;
    return held(
      found
        ? `it landed as ${place} and is gone from there; nothing was sent again`
        : `it landed as ${place}, and ${publisher.facts.name} can’t change what it has sent`,
    );
  }
  if (row.acknowledged && found) return contradicted(landing, row.acknowledged); // LE5
  if (LOST_ANSWER.has(row.state)) {
    const next = afterLostAnswer(landing);
    if (next.kind === 'hold') return inDoubt(next.why); // LE4
    if (next.kind === 'assume') return record(landing, assumedReceipt(landing));
  }
  return send(landing, () => publisher.create(body, landing.context), 'create');
}

/** States in which a request of an earlier try may be out. */
export const LOST_ANSWER: ReadonlySet<EffectRow['state']> = new Set<EffectRow['state']>([
  'attempting',
  'unknown',
]);

/** What an earlier try sent may be there, and no look-up proves that it is not. */
export const isOpenQuestion = ({ row, publisher }: Pick<Landing, 'row' | 'publisher'>): boolean =>
  LOST_ANSWER.has(row.state) && publisher.facts.lookup !== 'exact';

/**
 * A request that is still at work there would be missed by a look-up that comes too early. Of a try whose end nobody has
 * heard it may be on its way for as long as one may take: its worker need not be dead.
 */
async function settle({ publisher, row, context }: Landing): Promise<void> {
  const { requestMs = 0, settleMs } = publisher.facts;
  const restMs = settleMs + (row.state === 'attempting' ? requestMs : 0);
  if (!LOST_ANSWER.has(row.state) || restMs === 0) return;
  const sent = row.lastSentAt === undefined ? context.now().getTime() : Date.parse(row.lastSentAt);
  const left = Math.min(restMs, sent + restMs - context.now().getTime());
  if (left > 0) await context.sleep(left);
}

/**
 * The destination's own word against its look-up. One that lags will come round; one that asks wrongly never does.
 * @throws AdapterError while it may still come round
 */
function contradicted(
  { publisher, context }: Landing,
  acknowledged: NonNullable<EffectRow['acknowledged']>,
): Landed {
  const { settleMs, name } = publisher.facts;
  const next = afterContradiction({ name, settleMs, acknowledged, now: context.now() });
  if (next.kind === 'look-again') throw new AdapterError('unknown', next.why, { sent: 'maybe' });
  return inDoubt(next.why);
}

const afterLostAnswer = ({ publisher, requestSha256, row, onUnknown, context }: Landing): AfterSilence =>
  afterSilence({
    facts: publisher.facts,
    sameRequest: row.sentSha256 === requestSha256,
    firstSentAt: row.firstSentAt,
    now: context.now(),
    onUnknown,
  });

/** The operator has said that a lost answer counts as sent; the receipt says that nobody has seen it. */
const assumedReceipt = ({ body, row, context }: Landing): Receipt =>
  receiptOf(
    { id: `assumed:${row.effectKey}`, sha256: body.sha256 },
    row.effectKey,
    body.revision,
    context.now(),
    true,
  );

async function send(
  landing: Landing,
  request: () => Promise<FoundEffect>,
  verb: 'create' | 'update',
): Promise<Landed> {
  const { publisher, attempting, reached } = landing;
  await reached('E2');
  await attempting(); // LE2
  await reached('E3');
  await landing.maySend();
  const found = await withNamedOwner(await asked(publisher, verb, request), landing.ledger);
  await reached('E5');
  switch (found.kind) {
    case 'theirs':
    case 'removed':
      await discard(landing, found.extras);
      return held(`${found.location}: ${found.why}`); // LE3
    case 'absent':
      throw new AdapterError('unknown', `${verb} was answered, but nothing is there`, { sent: 'maybe' });
    case 'ours':
      assertNotOlder(landing, found.placed);
      return publisher.reveal && verb === 'create'
        ? settleName(landing, found)
        : complete(landing, found, true);
  }
}

/**
 * A hidden object of ours is there. Whether it got the name it was to have, and is the only one, only a second look
 * tells: destinations rename silently, and two that create at once may get one name.
 */
async function settleName(landing: Landing, created: Found<'ours'>): Promise<Landed> {
  const { publisher, context } = landing;
  await context.sleep(publisher.facts.raceMs ?? 0);
  const winner = (await readBack(landing)) ?? created;
  if (winner.kind === 'ours') {
    // Those of others who create at this moment are theirs to take away; of a crash, the next first look does it.
    const extras = created.placed.id === winner.placed.id ? [] : [created.placed];
    return complete(landing, { ...winner, extras }, true);
  }
  await landing.reached('E7');
  await discard(landing, [created.placed]);
  if (winner.kind === 'absent') {
    const { url, id } = created.placed;
    return held(
      `${publisher.facts.name} gave ${url ?? id} another name than asked for; it was taken away unseen`,
    );
  }
  return held(`${winner.location}: ${winner.why}`); // LE3
}

/** Our object was there before this try: it is brought to the wished revision where it has an older one. */
async function takeOver(landing: Landing, found: Found<'ours'>): Promise<Landed> {
  const { publisher, body, row, context, reached } = landing;
  const { placed } = found;
  if (!isOlder(placed, landing)) {
    const forbidden = placed.visible ? undefined : landing.forbidden?.('create');
    return forbidden === undefined ? complete(landing, found, row.attempts > 0) : held(forbidden); // LE6
  }
  const update = publisher.update?.bind(publisher);
  if (!update)
    return held(
      `${placed.url ?? placed.id} has an older revision, and ${publisher.facts.name} can’t update it`,
    );
  const forbidden = landing.forbidden?.('update');
  if (forbidden !== undefined) return held(forbidden); // LE6
  const before = row.receipt ?? receiptOf(placed, row.effectKey, placed.revision ?? 1, context.now(), true);
  await discard(landing, found.extras);
  await reached('E14');
  return send(landing, () => update(body, before, context), 'update');
}

/** Leaves one object of ours, makes it visible, reads it back, and writes the receipt. */
async function complete(landing: Landing, found: Found<'ours'>, sent: boolean): Promise<Landed> {
  const { publisher, body, row, context, reached } = landing;
  if (found.extras !== undefined && found.extras.length > 0) {
    await reached('E7');
    await discard(landing, found.extras);
  }
  let { placed } = found;
  const reveal = publisher.reveal?.bind(publisher);
  if (!placed.visible && reveal) {
    await reached('E8');
    await landing.maySend();
    const hidden = placed;
    placed = await guarded(publisher, 'reveal', () => reveal(hidden, body, context));
    await reached('E9');
    sent = true;
  }
  if (sent) {
    await acknowledge(landing, placed); // LE5
    await reached('E10');
    const again = await readBack(landing);
    if (again && (again.kind !== 'ours' || !again.placed.visible)) {
      const says = again.kind === 'ours' ? 'that it is hidden' : again.kind;
      throw new AdapterError('unknown', `the destination took it, but a look-up says ${says}`, {
        sent: 'maybe',
      });
    }
    if (again?.kind === 'ours') {
      placed = again.placed;
      assertNotOlder(landing, placed);
      await discard(
        landing,
        again.extras?.filter(({ visible }) => visible),
      );
    }
  }
  return record(landing, receiptOf(placed, row.effectKey, body.revision, context.now(), !sent));
}

/**
 * Nothing to remember where a second creation would be refused for its name, where nothing can contradict the first, and
 * where the id only repeats our key: then the destination has not said what it made.
 */
async function acknowledge({ publisher, ledger, row }: Landing, { id, url }: Placed): Promise<void> {
  if (publisher.facts.class === 1 || !publisher.lookup || row.acknowledged) return;
  if (id.includes(row.effectKey)) return;
  await ledger.acknowledgedEffect(row.effectKey, { id, ...(url !== undefined && { url }) }, row.fence);
}

/** Takes away objects of ours that must not stay. */
async function discard(landing: Landing, extras: readonly Placed[] = []): Promise<void> {
  const { publisher, body, context } = landing;
  for (const extra of extras) {
    await landing.maySend();
    await guarded(publisher, 'discard', async () => publisher.discard?.(extra, body, context));
  }
}

async function record({ ledger, row, settles, reached }: Landing, receipt: Receipt): Promise<Landed> {
  await reached('E11');
  await ledger.landEffect(receipt, settles, row.fence);
  await reached('E12');
  return { kind: receipt === row.receipt || receipt.adopted ? 'adopted' : 'landed', receipt };
}

/**
 * Where a destination keeps no revision, the ledger tells: what it knows of is older, unless it was sent what would be
 * sent now, and something else is there than before. What it has never heard of is current.
 */
function isOlder(placed: Placed, { body, row, requestSha256 }: Landing): boolean {
  if (placed.revision !== undefined) return placed.revision < body.revision;
  if (body.revision === 1 || placed.sha256 === body.sha256) return false;
  if (placed.sha256 === row.receipt?.sha256) return true;
  if (row.sentSha256 === requestSha256) return false;
  return row.receipt !== undefined || row.sentSha256 !== undefined;
}

/** A try of an older revision came in between: the next look-up sees what there is to bring up to date. */
function assertNotOlder({ body }: Landing, { revision, url, id }: Placed): void {
  if (revision === undefined || revision >= body.revision) return;
  const message = `${url ?? id} has revision ${revision} where ${body.revision} was sent`;
  throw new AdapterError('unknown', message, { sent: 'maybe' });
}

async function look({ publisher, body, context, ledger }: Landing): Promise<FoundEffect | undefined> {
  const lookup = publisher.lookup?.bind(publisher);
  return lookup && withNamedOwner(await asked(publisher, 'lookup', () => lookup(body, context)), ledger);
}

/**
 * Looks at what was sent just now. Trouble with looking says nothing of the request, which was answered.
 * @throws AdapterError with `sent: 'maybe'`
 */
async function readBack(landing: Landing): Promise<FoundEffect | undefined> {
  try {
    return await look(landing);
  } catch (error) {
    throw error instanceof AdapterError ? asMaybeSent(error) : error;
  }
}

const inDoubt = (message: string): Landed & { kind: 'held' } => ({
  kind: 'held',
  errorClass: 'unknown',
  message,
});

const held = (message: string): Landed & { kind: 'held' } => ({
  kind: 'held',
  errorClass: 'conflict',
  message,
});

/** What an adapter is told of an effect; without `row`, of one that the ledger has never heard of. */
export const effectRequest = (
  ref: Pick<JobRef, 'work'>,
  job: Job,
  effect: Effect,
  row?: EffectRow,
): EffectRequest => ({
  effectKey: effect.key,
  name: effect.name,
  target: effect.target,
  revision: job.revision,
  fingerprint: job.fingerprint,
  work: ref.work,
  jobKey: job.key,
  identity: job.identity,
  fence: row?.fence ?? 0,
  sentBefore: row !== undefined && row.attempts > 0,
  receipt: row?.receipt,
  takenBack: row?.receipt !== undefined && row.unpublishedRevision === row.receipt.revision,
});

export const receiptOf = (
  { id, url, sha256 }: Pick<Placed, 'id' | 'url' | 'sha256'>,
  effectKey: string,
  revision: number,
  at: Date,
  adopted: boolean,
): Receipt => ({
  effectKey,
  revision,
  id,
  ...(url !== undefined && { url }),
  sha256,
  landedAt: at.toISOString(),
  adopted,
});
