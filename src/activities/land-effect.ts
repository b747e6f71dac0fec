import { z } from 'zod';
import { AdapterError } from '../contract/errors.js';
import { sha256Schema } from '../contract/job.js';
import type { Effect, Job } from '../contract/job.js';
import type { JobRef, Trouble } from '../contract/messages.js';
import type { Receipt } from '../contract/receipt.js';
import type { EffectRow, Ledger, Settles } from '../ledger/ledger.js';
import type { CrashPoint } from './crash-points.js';
import type {
  BodyRequest,
  EffectRequest,
  FoundEffect,
  Placed,
  Publisher,
  PublisherContext,
  PublisherVerb,
} from './publishers/publisher.js';

/** One try at one effect, with all it needs. */
export interface Landing {
  readonly publisher: Publisher;
  readonly body: BodyRequest;
  /** As `beginEffect` gave it to this try. */
  readonly row: EffectRow;
  readonly ledger: Pick<Ledger, 'landEffect'>;
  /** Commits that a request is about to leave. */
  readonly attempting: () => Promise<void>;
  readonly settles: Settles;
  readonly context: PublisherContext;
  readonly reached: (point: CrashPoint) => void | Promise<void>;
}

type Ours = Extract<FoundEffect, { kind: 'ours' }>;

const placedSchema = z.object({
  id: z.string().min(1),
  url: z.string().optional(),
  sha256: sha256Schema,
  revision: z.number().optional(),
  fingerprint: z.string().optional(),
  visible: z.boolean(),
});
const foundEffectSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('absent') }),
  z.object({ kind: z.literal('ours'), placed: placedSchema, twins: z.array(placedSchema).optional() }),
  z.object({ kind: z.literal('theirs'), location: z.string(), why: z.string() }),
]);

export type Landed =
  { readonly kind: 'landed' | 'adopted'; readonly receipt: Receipt } | ({ readonly kind: 'held' } & Trouble);

/**
 * The one algorithm by which every effect lands, for all classes of destinations.
 *
 *  LE1. Nothing is sent before the ledger and the destination have both said that it is not there.
 *  LE2. `attempting` is committed before the request leaves; a receipt is committed only after a read-back.
 *  LE3. Somebody else's object is never touched.
 *  LE4. Where the destination can't be asked, a try that may have sent something is never followed by another.
 *
 * @throws AdapterError; what follows from it is decided by `publish`
 */
export async function landEffect(landing: Landing): Promise<Landed> {
  const { publisher, body, row, reached } = landing;
  if (row.receipt && row.receipt.revision >= body.revision) return record(landing, row.receipt);
  await reached('E1');

  const found = await look(landing);
  if (found?.kind === 'theirs') return conflict(found);
  if (found?.kind === 'ours') return takeOver(landing, found);

  if (row.receipt)
    return held(
      `it landed as ${row.receipt.url ?? row.receipt.id} and is gone from there; nothing was sent again`,
    );
  if (!publisher.lookup && (row.state === 'attempting' || row.state === 'unknown')) {
    return {
      kind: 'held',
      errorClass: 'unknown',
      message: 'an earlier request got no answer, and the destination can’t be asked',
    }; // LE4
  }
  return send(landing, () => publisher.create(body, landing.context), 'create');
}

async function send(
  landing: Landing,
  request: () => Promise<FoundEffect>,
  verb: PublisherVerb,
): Promise<Landed> {
  const { publisher, attempting, reached } = landing;
  await reached('E2');
  await attempting(); // LE2
  await reached('E3');
  const found = await asked(publisher, verb, request);
  await reached('E5');
  if (found.kind === 'theirs') return conflict(found); // LE3
  if (found.kind === 'absent')
    throw new AdapterError('unknown', `${verb} was answered, but nothing is there`, { sent: 'maybe' });
  return complete(landing, found, true);
}

/** Our object was there before this try: it is brought to the wished revision where it has an older one. */
async function takeOver(landing: Landing, found: Ours): Promise<Landed> {
  const { publisher, body, row, context } = landing;
  const { placed } = found;
  if (!isOlder(placed, landing)) return complete(landing, found, row.attempts > 0);
  const update = publisher.update?.bind(publisher);
  if (!update)
    return held(
      `${placed.url ?? placed.id} has an older revision, and ${publisher.facts.name} can’t update it`,
    );
  const before = row.receipt ?? receiptOf(placed, row.effectKey, placed.revision ?? 1, context.now(), true);
  return send(landing, () => update(body, before, context), 'update');
}

/** Leaves one object of ours, makes it visible, reads it back, and writes the receipt. */
async function complete(landing: Landing, found: Ours, sent: boolean): Promise<Landed> {
  const { publisher, body, row, context, reached } = landing;
  for (const twin of found.twins ?? []) {
    await guarded(publisher, 'discard', async () => publisher.discard?.(twin, body, context));
  }
  let { placed } = found;
  const reveal = publisher.reveal?.bind(publisher);
  if (!placed.visible && reveal) {
    await reached('E8');
    const hidden = placed;
    placed = await guarded(publisher, 'reveal', () => reveal(hidden, body, context));
  }
  if (sent) {
    await reached('E10');
    const again = await look(landing);
    if (again && (again.kind !== 'ours' || !again.placed.visible)) {
      throw new AdapterError('unknown', `the destination took it, but a look-up says ${again.kind}`, {
        sent: 'maybe',
      });
    }
    if (again?.kind === 'ours') placed = again.placed;
  }
  return record(landing, receiptOf(placed, row.effectKey, body.revision, context.now(), !sent));
}

async function record({ ledger, row, settles, reached }: Landing, receipt: Receipt): Promise<Landed> {
  await reached('E11');
  await ledger.landEffect(receipt, settles, row.fence);
  await reached('E12');
  return { kind: receipt === row.receipt || receipt.adopted ? 'adopted' : 'landed', receipt };
}

/** Where a destination keeps no revision, its content tells, and before the first receipt any content is current. */
function isOlder(placed: Placed, { body, row }: Landing): boolean {
  if (placed.revision !== undefined) return placed.revision < body.revision;
  return row.receipt !== undefined && placed.sha256 === row.receipt.sha256 && placed.sha256 !== body.sha256;
}

async function look({ publisher, body, context }: Landing): Promise<FoundEffect | undefined> {
  const lookup = publisher.lookup?.bind(publisher);
  if (!lookup) return undefined;
  return asked(publisher, 'lookup', () => lookup(body, context));
}

/** An adapter's answer decides whether something is sent, so it is checked like any other text from outside. */
export async function asked(
  publisher: Publisher,
  verb: PublisherVerb,
  request: () => Promise<FoundEffect>,
): Promise<FoundEffect> {
  const answer = foundEffectSchema.safeParse(await guarded(publisher, verb, request));
  if (answer.success) return answer.data as FoundEffect;
  const [issue] = answer.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new AdapterError(
    'config',
    `publisher ${publisher.facts.name} gave an answer to ${verb} that the port does not know: ${where}${issue?.message ?? 'no object'}`,
    { sent: verb === 'lookup' ? 'no' : 'maybe' },
  );
}

async function guarded<T>(publisher: Publisher, verb: PublisherVerb, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw publisher.classify(error, verb);
  }
}

const conflict = ({ location, why }: Extract<FoundEffect, { kind: 'theirs' }>): Landed =>
  held(`${location}: ${why}`);
const held = (message: string): Landed => ({ kind: 'held', errorClass: 'conflict', message });

/** What an adapter is told of an effect. */
export const effectRequest = (ref: JobRef, job: Job, effect: Effect, fence: number): EffectRequest => ({
  effectKey: effect.key,
  name: effect.name,
  target: effect.target,
  revision: job.revision,
  fingerprint: job.fingerprint,
  work: ref.work,
  jobKey: job.key,
  identity: job.identity,
  fence,
});

export const receiptOf = (
  { id, url, sha256 }: Placed,
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
