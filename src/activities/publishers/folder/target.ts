import { createHash } from 'node:crypto';
import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { systemCode } from '../../../contract/thrown.js';
import { assertFolderThere } from '../../../folder-gone.js';
import { ofAnother, type Foreign } from '../of-another.js';
import type { FoundEffect, Placed } from '../publisher.js';
import type { Disk } from './disk.js';
import { journalOf, type Journal, type Mark } from './journal.js';
import { rootOf } from './safe-path.js';
import { standingAt, type Standing } from './standing.js';

/** A target folder that exists, with its journal. */
export interface Target {
  /** Real path. */
  readonly root: string;
  readonly journal: Journal;
  readonly disk: Disk;
}

/**
 * Absolute folder of a target. One that starts at the folder of the batch file needs that folder: of a batch that was
 * moved since it was started the old place would be made anew, and nobody would look for its files there.
 * @throws AdapterError `invalid`; `config` where the folder of the batch file is gone
 */
export async function rootThere(target: string, baseDir: string): Promise<string> {
  const root = rootOf(target, baseDir);
  await assertFolderThere(`target ${JSON.stringify(target)}`, target, baseDir);
  return root;
}

/** Undefined while the folder does not exist. */
export async function openTarget(root: string, disk: Disk): Promise<Target | undefined> {
  try {
    const real = await realpath(root);
    return { root: real, journal: journalOf(real, disk), disk };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes the folder when it is missing. */
export async function makeTarget(root: string, disk: Disk): Promise<Target> {
  await makeFolder(root, disk);
  const target = await openTarget(root, disk);
  if (!target) throw new Error(`${root} was removed as soon as it was made`);
  return target;
}

/** Makes a folder and what is missing above it; when it resolves, a power cut takes none of that. */
export async function makeFolder(path: string, disk: Disk): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made))
    await disk.syncFolder(dirname(made));
}

/** What takes the name for a moment where the file system has no second names; see `placeWithoutLinks`. */
export const claimText = (effectKey: string): string => `nightshift ${effectKey}\n`;

/**
 * Looks for an effect in a target: at its path, then at the paths that it had before. A file is ours when our marks
 * name both its path and its hash, and no other effect got there first with the same bytes.
 */
export async function findEffect(target: Target, path: string, effectKey: string): Promise<FoundEffect> {
  const { root, journal } = target;
  const standings = await lookAtAllPaths(target, path, effectKey);
  const marks = journal.marksOf(effectKey);
  const ours = [...standings].flatMap(
    ([at, standing]) => oursAt(target, at, standing, marks, effectKey) ?? [],
  );
  const here = standings.get(path) ?? { kind: 'absent' };

  // Of former paths the latest comes first.
  const [first, ...extras] = ours[0]?.id === path ? ours : ours.reverse();
  if (first) return { kind: 'ours', placed: first, ...(extras.length > 0 && { extras }) };
  if (here.kind === 'absent' || isClaim(here, effectKey)) return { kind: 'absent' };
  return { kind: 'theirs', location: join(root, path), ...whyTheirs(here, path, effectKey, journal) };
}

/**
 * What stands at the path, and then at every other path that a mark of the effect names. A file is looked at before
 * the marks are read: then its mark is among them (J1), however many processes are writing.
 */
async function lookAtAllPaths(
  { root, journal }: Target,
  path: string,
  effectKey: string,
): Promise<Map<string, Standing>> {
  const standings = new Map<string, Standing>();
  for (let paths = [path]; paths.length > 0;) {
    for (const at of paths) standings.set(at, await standingAt(root, at));
    await journal.refresh();
    const marked = new Set(journal.marksOf(effectKey).map((mark) => mark.path));
    paths = [...marked].filter((known) => !standings.has(known));
  }
  return standings;
}

function oursAt(
  { root, journal }: Target,
  path: string,
  standing: Standing,
  marks: readonly Mark[],
  effectKey: string,
): Placed | undefined {
  if (otherOwner(journal, path, standing, effectKey) !== undefined) return undefined;
  if (standing.kind !== 'file' || !marks.some((mark) => mark.path === path)) return undefined;
  const mark = marks.findLast(({ sha256 }) => sha256 === standing.sha256);
  if (!mark) return undefined;
  const { sha256, revision, fingerprint } = mark;
  return {
    id: path,
    url: pathToFileURL(join(root, path)).href,
    sha256,
    revision,
    fingerprint,
    visible: true,
  };
}

/** The effect that what stands at a path is the file of, where that is another one. */
export function otherOwner(
  journal: Journal,
  path: string,
  standing: Standing,
  effectKey: string,
): string | undefined {
  if (standing.kind !== 'file') return undefined;
  const owner = journal.ownerOf(path, standing);
  return owner === effectKey ? undefined : owner;
}

/** Left by a crash of `placeWithoutLinks`; as good as nothing. */
export const isClaim = (standing: Standing, effectKey: string): boolean =>
  standing.kind === 'file' &&
  standing.sha256 === createHash('sha256').update(claimText(effectKey)).digest('hex');

function whyTheirs(here: Standing, path: string, effectKey: string, journal: Journal): Foreign {
  if (here.kind === 'other') return { why: `${here.what} has this name` };
  const other = otherOwner(journal, path, here, effectKey);
  if (other === undefined && journal.marksOf(effectKey).some((mark) => mark.path === path))
    return { why: 'changed since it was published' };
  const owner = other ?? journal.lastToMark(path);
  if (owner === undefined) return { why: 'a file that nightshift did not put there has this name' };
  return ofAnother(owner, 'published to this path');
}
