import { AdapterError } from '../../../contract/errors.js';
import type { FoundEffect, Placed } from '../publisher.js';
import { ofAnother, type Foreign } from '../of-another.js';
import { markIn, type Mark } from './mark.js';
import type { ObjectStore, StoredObject } from './object-store.js';

/** What has a name in the store, as one effect sees it. */
export type Standing =
  | { readonly kind: 'absent' }
  | ({ readonly kind: 'theirs'; readonly location: string } & Foreign)
  | { readonly kind: 'ours'; readonly placed: Placed & { readonly revision: number }; readonly etag: string };

/**
 * @param url of the object, where people have one
 * @throws AdapterError `transient` when it was replaced while it was being looked at
 */
export async function standingAt(
  store: ObjectStore,
  name: string,
  { effectKey, url }: { readonly effectKey: string; readonly url: string | undefined },
  signal: AbortSignal,
): Promise<Standing> {
  const object = await store.head(name, signal);
  if (!object) return { kind: 'absent' };
  const id = `${store.idBase}${name}`;
  const mark = markIn(object.metadata, store.separator);
  if (mark === undefined || mark === 'damaged' || mark.key !== effectKey)
    return { kind: 'theirs', location: id, ...whyForeign(mark) };
  const sha256 = await contentHash(store, name, object, mark, signal);
  if (sha256 !== mark.sha256)
    return { kind: 'theirs', location: id, why: 'its content was changed since it was published' };
  const { revision, fingerprint } = mark;
  const placed = { id, ...(url !== undefined && { url }), sha256, revision, fingerprint, visible: true };
  return { kind: 'ours', placed, etag: object.etag };
}

export const foundEffect = (standing: Standing): FoundEffect =>
  standing.kind === 'ours' ? { kind: 'ours', placed: standing.placed } : standing;

function whyForeign(mark: Mark | 'damaged' | undefined): Foreign {
  if (mark === undefined) return { why: 'an object that nightshift did not put there has this name' };
  if (mark === 'damaged') return { why: 'the nightshift-… metadata of this object was changed' };
  return ofAnother(mark.key, 'published to this name');
}

/** The content is read only where the store's own MD5 does not prove that it is what we marked. */
async function contentHash(
  store: ObjectStore,
  name: string,
  { md5, etag }: StoredObject,
  mark: Mark,
  signal: AbortSignal,
): Promise<string> {
  if (md5 !== undefined && md5 === mark.md5) return mark.sha256;
  const sha256 = await store.sha256(name, etag, signal);
  if (sha256 !== undefined) return sha256;
  throw new AdapterError('transient', `${store.idBase}${name} was replaced while it was being read`, {
    sent: 'no',
  });
}
