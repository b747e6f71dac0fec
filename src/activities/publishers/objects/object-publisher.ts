import { AdapterError } from '../../../contract/errors.js';
import type { Receipt } from '../../../contract/receipt.js';
import { messageOf } from '../../../contract/thrown.js';
import type {
  BodyRequest,
  EffectRequest,
  FoundEffect,
  Publisher,
  PublisherContext,
  PublisherFacts,
} from '../publisher.js';
import { metadataOf } from './mark.js';
import type { Condition, ObjectStore } from './object-store.js';
import { foundEffect, standingAt, type Standing } from './standing.js';
import type { ConditionKind } from './conditions.js';

export interface ObjectPublisherSetup {
  readonly facts: PublisherFacts;
  readonly store: () => Promise<ObjectStore>;
  /** Of the object, in the store. */
  readonly name: string;
  /** Where people find it. */
  readonly url: (store: ObjectStore) => string | undefined;
  readonly contentType: string | undefined;
  readonly cacheControl: string | undefined;
  /** False: the operator accepts that the look and the write are two steps. */
  readonly conditional: boolean;
  /** Throws where the store must not be trusted with this condition. */
  readonly assertHonours: (store: ObjectStore, kind: ConditionKind) => Promise<void>;
  readonly probe: NonNullable<Publisher['probe']>;
}

/**
 * Objects in a store, one for each effect, under a name that we choose. The mark of an effect is in the object's own
 * metadata, written in the same request as its content.
 *
 *  O1. An object is created only where the name is free, and replaced or deleted only in the version that was looked
 *      at: the store decides both, in one step with the write (unless `conditional` is false). What is taken back is the very revision of the receipt.
 *  O2. An object without our mark, or whose content is not what the mark says, is never touched.
 *  O3. A later revision keeps its name: under another one it would be a second object.
 */
export function objectPublisher(setup: ObjectPublisherSetup): Publisher {
  const { facts, name, conditional } = setup;

  /** Whatever goes wrong before there is a client, nothing has been sent. */
  async function opened(): Promise<ObjectStore> {
    try {
      return await setup.store();
    } catch (error) {
      if (error instanceof AdapterError) throw error;
      const said = messageOf(error);
      throw new AdapterError('config', `${facts.name}: its client can’t be made: ${said}`, { sent: 'no' });
    }
  }

  const standing = (store: ObjectStore, request: EffectRequest, { signal }: PublisherContext, at = name) =>
    standingAt(
      store,
      at,
      { effectKey: request.effectKey, url: at === name ? setup.url(store) : undefined },
      signal,
    );

  async function put(
    store: ObjectStore,
    request: BodyRequest,
    when: Condition,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { body, mime } = request;
    const object = {
      body,
      contentType: setup.contentType ?? mime ?? 'application/octet-stream',
      cacheControl: setup.cacheControl,
      metadata: metadataOf(request, store.separator),
    };
    return store.put(name, object, conditional ? when : 'always', signal);
  }

  function written(store: ObjectStore, { sha256, revision, fingerprint }: BodyRequest): FoundEffect {
    const url = setup.url(store);
    const id = `${store.idBase}${name}`;
    return {
      kind: 'ours',
      placed: { id, ...(url !== undefined && { url }), sha256, revision, fingerprint, visible: true },
    };
  }

  return {
    facts,

    async lookup(request, context) {
      const store = await opened();
      const found = await standing(store, request, context);
      const former = nameOf(store, request.receipt);
      if (found.kind !== 'absent' || former === undefined || former === name) return foundEffect(found);
      if ((await standing(store, request, context, former)).kind === 'absent') return { kind: 'absent' };
      const why = `it was published under this name, and the batch now says ${name}: keep the name, or unpublish first`;
      return { kind: 'theirs', location: `${store.idBase}${former}`, why }; // O3
    },

    async create(request, context) {
      const store = await opened();
      await setup.assertHonours(store, 'create');
      if (!conditional) {
        const before = await standing(store, request, context);
        if (before.kind !== 'absent') return currentOrLater(before, request);
      }
      if (await put(store, request, 'absent', context.signal)) return written(store, request);
      // Whoever won, this is what is there: somebody else's object, or our own of a try whose answer was lost.
      return currentOrLater(await standing(store, request, context), request);
    },

    async update(request, before, context) {
      const store = await opened();
      const now = await standing(store, request, context);
      const held = whyNotReplaced(now, before, request, store, name);
      if (held || now.kind !== 'ours') return held ?? foundEffect(now);
      if (now.placed.revision === request.revision) return foundEffect(now);
      await setup.assertHonours(store, 'update');
      if (await put(store, request, { etag: now.etag }, context.signal)) return written(store, request);
      const after = await standing(store, request, context);
      return after.kind === 'absent' ? gone(store, name) : currentOrLater(after, request);
    },

    async unpublish(request, receipt, context) {
      const store = await opened();
      const at = nameOf(store, receipt);
      if (at === undefined) {
        const where = `${receipt.id} is not in ${store.idBase}`;
        throw new AdapterError('config', `${where}; unpublish with the target it was published to`, {
          sent: 'no',
        });
      }
      const now = await standing(store, request, context, at);
      if (now.kind === 'absent') return;
      if (now.kind === 'theirs') throw changed(now.location, now.why);
      const { id: place, revision, sha256 } = now.placed;
      if (revision !== receipt.revision)
        throw changed(place, `it has revision ${revision}, and ${receipt.revision} was to be taken back`);
      if (sha256 !== receipt.sha256) throw changed(place, 'it is not what the receipt says');
      if (await store.remove(at, conditional ? { etag: now.etag } : 'always', context.signal)) return;
      if ((await standing(store, request, context, at)).kind === 'absent') return;
      throw changed(receipt.id, 'it was changed at this very moment');
    },

    probe: setup.probe,

    classify: (error) =>
      error instanceof AdapterError
        ? error
        : new AdapterError(
            'bug',
            `unexpected [use=${facts.name}]: ${messageOf(error)}`,
            { sent: 'maybe' },
            { cause: error },
          ),
  };
}

/** The name that a receipt speaks of; undefined where there is none in this store. */
const nameOf = ({ idBase }: ObjectStore, receipt: Receipt | undefined): string | undefined =>
  receipt?.id.startsWith(idBase) === true ? receipt.id.slice(idBase.length) : undefined;

/** An older revision that landed while this one was being written is to be updated, not taken for it. */
function currentOrLater(standing: Standing, { revision }: BodyRequest): FoundEffect {
  if (standing.kind === 'absent') {
    throw new AdapterError('transient', 'the name was taken, and is free again; looking again', {
      sent: 'rejected',
    });
  }
  if (standing.kind === 'theirs' || standing.placed.revision >= revision) return foundEffect(standing);
  throw new AdapterError(
    'transient',
    `${standing.placed.id}: revision ${standing.placed.revision} has just landed; looking again`,
    { sent: 'rejected' },
  );
}

/** The receipt may be older than the object: then the answer to an update was lost before a receipt was written. */
const isUpdatable = (standing: Extract<Standing, { kind: 'ours' }>, { revision, sha256 }: Receipt): boolean =>
  standing.placed.sha256 === sha256 || standing.placed.revision > revision;

function whyNotReplaced(
  now: Standing,
  before: Receipt,
  { revision }: BodyRequest,
  store: ObjectStore,
  name: string,
): FoundEffect | undefined {
  if (now.kind === 'absent') return gone(store, name);
  if (now.kind === 'theirs') return now;
  const { id: location, revision: there } = now.placed;
  if (there > revision)
    return { kind: 'theirs', location, why: `has revision ${there}, this is ${revision}` };
  if (isUpdatable(now, before)) return undefined;
  return { kind: 'theirs', location, why: 'its content is not what the receipt says' };
}

const gone = ({ idBase }: ObjectStore, name: string): FoundEffect => ({
  kind: 'removed',
  location: `${idBase}${name}`,
  why: 'it was deleted since it was published',
});

const changed = (location: string, why: string): AdapterError =>
  new AdapterError('conflict', `${location} stays: ${why}`, { sent: 'no' });
