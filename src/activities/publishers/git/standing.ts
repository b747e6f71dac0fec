import { ofAnother } from '../of-another.js';
import type { EffectRequest, FoundEffect } from '../publisher.js';
import type { Mark } from './message.js';
import { branchRef, type Claim, type RemoteRefs } from './refs.js';
import { pageOf, type Remote } from './remote.js';
import type { OpenClone, TreeEntry } from './repository.js';

/** Where an effect belongs. */
export interface Place {
  readonly remote: Remote;
  readonly branch: string;
  readonly path: string;
}

/** An effect that landed, as its claim, its commit and the branch say together. */
export interface Landed {
  readonly claim: Claim;
  readonly mark: Mark;
  /** What is at its path on the branch now. */
  readonly entry: TreeEntry | undefined;
  /** SHA-256 of that; undefined where it is no file. */
  readonly sha256: string | undefined;
}

export type Standing =
  | { readonly kind: 'landed'; readonly landed: Landed }
  | { readonly kind: 'answer'; readonly found: Exclude<FoundEffect, { kind: 'ours' | 'absent' }> }
  /** Nothing of ours is there, or it was taken back; whether the path is free is another question. */
  | { readonly kind: 'free' };

/**
 * What the claims say, before anything is fetched: `undefined` where the newest one has to be looked at. Pure.
 */
export function standingByClaims(
  { claims }: Pick<RemoteRefs, 'claims'>,
  { revision }: Pick<EffectRequest, 'revision'>,
  place: Place,
): Standing | undefined {
  const last = claims.at(-1);
  if (last === undefined) return { kind: 'free' };
  if (last.kind === 'publish') return undefined;
  if (revision > last.revision) return { kind: 'free' };
  const why = `revision ${last.revision} was taken back; a higher revision can land again`;
  return { kind: 'answer', found: { kind: 'removed', location: locationOf(place), why } };
}

/** Looks at the commit of the newest claim, and at what the branch holds at its path. */
export async function standingOfClaim(
  clone: OpenClone,
  { claims, tip }: RemoteRefs,
  { effectKey }: Pick<EffectRequest, 'effectKey'>,
  place: Place,
): Promise<Standing> {
  const claim = claims.at(-1);
  if (claim === undefined) return { kind: 'free' };
  await clone.fetch(claim.ref, claim.sha);
  const mark = await clone.markOf(claim.sha);
  if (mark?.effectKey !== effectKey || mark.revision !== claim.revision) {
    const why = `the ref ${claim.ref} has our name, but its commit is not of this effect`;
    return { kind: 'answer', found: { kind: 'theirs', location: locationOf(place), why } };
  }
  if (tip === undefined)
    return { kind: 'landed', landed: { claim, mark, entry: undefined, sha256: undefined } };
  await clone.fetch(branchRef(place.branch), tip);
  return { kind: 'landed', landed: await landedAt(clone, tip, claim, mark) };
}

/** The last commit on a path, where an effect made it: `undefined` where a person did, or it lies further back than our clone goes. */
async function lastMark(
  clone: OpenClone,
  tip: string,
  place: Place,
): Promise<{ readonly sha: string; readonly mark: Mark } | undefined> {
  const sha = await clone.lastCommitOf(place.path, tip);
  const mark = sha === undefined ? undefined : await clone.markOf(sha);
  return sha !== undefined && mark?.path === place.path ? { sha, mark } : undefined;
}

const byAnother = (taken: FoundEffect, { effectKey }: Mark): FoundEffect =>
  taken.kind === 'theirs' ? { ...taken, ...ofAnother(effectKey, 'published to this path') } : taken;

/**
 * Our commit on the branch although its claim is gone, as after a server that died between two refs. Found only as far
 * back as our clone goes; beyond that the file counts as somebody else's, which is safe.
 */
const unclaimed = (
  clone: OpenClone,
  tip: string,
  { sha, mark }: { readonly sha: string; readonly mark: Mark },
): Promise<Landed> => landedAt(clone, tip, { ref: '', revision: mark.revision, kind: 'publish', sha }, mark);

async function landedAt(clone: OpenClone, tip: string, claim: Claim, mark: Mark): Promise<Landed> {
  const entry = await clone.entryAt(tip, mark.path);
  const sha256 = entry !== undefined && isFile(entry) ? await clone.hashOf(entry.sha) : undefined;
  return { claim, mark, entry, sha256 };
}

/** What a landed effect is to the algorithm. Pure. */
export function foundOf({ claim, mark, entry, sha256 }: Landed, place: Place): FoundEffect {
  const location = locationOf({ ...place, path: mark.path });
  if (entry === undefined) {
    return { kind: 'removed', location, why: `landed as ${claim.sha}, and is no longer on the branch` };
  }
  if (sha256 === undefined) return { kind: 'theirs', location, why: 'no longer an ordinary file' };
  return placedAt({ ...place, path: mark.path }, claim.sha, {
    sha256,
    revision: claim.revision,
    fingerprint: mark.fingerprint,
  });
}

export function placedAt(
  { remote, branch, path }: Place,
  commit: string,
  {
    sha256,
    revision,
    fingerprint,
  }: { readonly sha256: string; readonly revision: number; readonly fingerprint: string },
): FoundEffect {
  const url = pageOf(remote, branch, path);
  return {
    kind: 'ours',
    placed: {
      id: `${commit}:${path}`,
      ...(url !== undefined && { url }),
      sha256,
      revision,
      ...(fingerprint !== '' && { fingerprint }),
      visible: true,
    },
  };
}

/** All that can be known of an effect: its claim, else whether its path is free. */
export async function findEffect(
  clone: OpenClone,
  refs: RemoteRefs,
  request: Pick<EffectRequest, 'effectKey' | 'revision'>,
  place: Place,
): Promise<FoundEffect> {
  const standing =
    standingByClaims(refs, request, place) ?? (await standingOfClaim(clone, refs, request, place));
  if (standing.kind === 'answer') return standing.found;
  if (standing.kind === 'landed') return foundOf(standing.landed, place);
  const { tip } = refs;
  if (tip === undefined) return { kind: 'absent' };
  await clone.fetch(branchRef(place.branch), tip);
  const taken = await takenBy(clone, tip, place);
  if (taken === undefined) return { kind: 'absent' };
  const last = await lastMark(clone, tip, place);
  if (last === undefined) return taken;
  if (last.mark.effectKey !== request.effectKey) return byAnother(taken, last.mark);
  return refs.claims.length === 0 ? foundOf(await unclaimed(clone, tip, last), place) : taken;
}

/** Somebody else's file, or folder, at a path or on the way to it; undefined where the path is free. */
export async function takenBy(
  clone: OpenClone,
  tip: string | undefined,
  place: Place,
): Promise<FoundEffect | undefined> {
  if (tip === undefined) return undefined;
  const theirs = (path: string, why: string): FoundEffect => ({
    kind: 'theirs',
    location: locationOf({ ...place, path }),
    why,
  });
  const parts = place.path.split('/');
  for (let length = 1; length < parts.length; length++) {
    const above = parts.slice(0, length).join('/');
    const entry = await clone.entryAt(tip, above);
    if (entry === undefined) return undefined;
    if (entry.type !== 'tree') return theirs(above, 'a file stands where a folder should be');
  }
  const entry = await clone.entryAt(tip, place.path);
  if (entry === undefined) return undefined;
  return theirs(
    place.path,
    entry.type === 'tree'
      ? 'a folder has this name'
      : 'a file that nightshift did not put there has this name',
  );
}

export const isFile = ({ mode }: TreeEntry): boolean => mode === '100644' || mode === '100755';

export const locationOf = ({ remote, branch, path }: Place): string => `${remote.url} ${branch}:${path}`;
