import type { ArtifactStore } from '../contract/artifact.js';
import { AdapterError } from '../contract/errors.js';
import type { ManifestRef } from '../contract/manifest-ref.js';
import { permitSchema, type Permit } from '../contract/permit.js';
import { canonicalJson } from '../identity/canonical-json.js';
import { Lru } from './lru.js';

const PERMITS_KEPT = 32;

export async function storePermit(permit: Permit, store: ArtifactStore): Promise<string> {
  return (await store.put(Buffer.from(canonicalJson(permit)), 'application/json')).sha256;
}

const permits = new WeakMap<ArtifactStore, Lru<Permit>>();

/**
 * What a run is bound by; undefined where it is bound by nothing.
 * @throws AdapterError `lost` when it is gone, `config` when another release stored it in a form that is unknown here:
 *   never taken for a run that may do anything
 */
export async function readPermit(
  { permit: sha256 }: Pick<ManifestRef, 'permit'>,
  store: ArtifactStore,
): Promise<Permit | undefined> {
  if (sha256 === undefined) return undefined;
  const kept = permits.get(store) ?? new Lru<Permit>(PERMITS_KEPT);
  permits.set(store, kept);
  const known = kept.get(sha256);
  if (known) return known;
  const parsed = permitSchema.safeParse(JSON.parse(new TextDecoder().decode(await store.read(sha256))));
  if (!parsed.success) {
    const message = `the plan of this run (${sha256}) was stored by another release; make it anew and start again`;
    throw new AdapterError('config', message, { sent: 'no' }, { cause: parsed.error });
  }
  kept.set(sha256, parsed.data);
  return parsed.data;
}

/** Why a run that is bound by a plan may not do this; undefined where it may. */
export function forbiddenBy(
  { plannedAt, effects }: Permit,
  effectKey: string,
  artifact: string,
): (action: 'create' | 'update') => string | undefined {
  const permitted = effects[effectKey];
  return (action) => {
    const says = (what: string) => `${what}; nothing was sent. Make a new plan, and run that one`;
    if (permitted?.action !== action)
      return says(
        `the plan of ${plannedAt} says ${permitted?.action ?? 'nothing'}, and this would be ${action}`,
      );
    if (permitted.artifact !== undefined && permitted.artifact !== artifact)
      return says(
        `the plan of ${plannedAt} shows artifact ${permitted.artifact.slice(0, 12)}, and this is ${artifact.slice(0, 12)}`,
      );
    return undefined;
  };
}
