import { randomBytes } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AdapterError } from '../../../contract/errors.js';
import { systemCode } from '../../../contract/thrown.js';
import { DAY_MS } from '../../../contract/units.js';
import type { BodyRequest, PublisherContext } from '../publisher.js';
import { TEMPORARY_NAME } from './safe-path.js';
import { fileIdOf, insideParent, standingAt, type FileId, type Standing } from './standing.js';
import { asAdapterError } from './system-errors.js';
import { claimText, isClaim, makeFolder, type Target } from './target.js';

/** What the system says where a file can't have a second name: exFAT, some network and FUSE file systems. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EXDEV',
  'EMLINK',
]);

const CLAIM_SETTLE_MS = 10_000;
const STALE_MS = DAY_MS;
/** Folders whose stale temporary files were looked for; forgotten all at once when there are very many. */
const swept = new Set<string>();
const SWEPT_MAX = 10_000;

/**
 * Gives a new file its name, unless the name is taken. Bytes and mark are on disk before the name is; a crash leaves
 * a temporary file at most, never half a file under its name.
 * @returns false when the name was taken
 * @throws AdapterError with `sent: 'maybe'` when the name may be there
 */
export async function placeNew(
  target: Target,
  path: string,
  request: BodyRequest,
  context: PublisherContext,
): Promise<boolean> {
  const step = { naming: false, named: false };
  try {
    const folder = await folderFor(target, path);
    const final = join(folder, basename(path));
    return await withTemporary(target, folder, request, undefined, async (temporary) => {
      await appendMark(target, path, request, await fileIdOf(temporary), context);
      stopIfAborted(context.signal);
      step.naming = true;
      if (!(await linkOrClaim(target, path, temporary, final, request, context))) return false;
      step.named = true;
      await target.disk.syncFolder(folder);
      return true;
    });
  } catch (error) {
    throw withOutcome(error, `publishing ${path}`, step);
  }
}

/**
 * Puts new bytes in the place of a file that is still as expected; it keeps its mode.
 * @returns false when it was not as expected any more
 * @throws AdapterError with `sent: 'maybe'` when the name may be that of the new bytes
 */
export async function replaceFile(
  target: Target,
  path: string,
  expected: Extract<Standing, { kind: 'file' }>,
  request: BodyRequest,
  context: PublisherContext,
): Promise<boolean> {
  const step = { naming: false, named: false };
  try {
    const folder = await folderFor(target, path);
    return await withTemporary(target, folder, request, expected.mode, async (temporary) => {
      await appendMark(target, path, request, await fileIdOf(temporary), context);
      stopIfAborted(context.signal);
      // The last look before the rename; a change within these microseconds is the one that would be overwritten.
      const now = await standingAt(target.root, path);
      if (now.kind !== 'file' || now.sha256 !== expected.sha256) return false;
      step.naming = true;
      await target.disk.rename(temporary, join(folder, basename(path)));
      step.named = true;
      await target.disk.syncFolder(folder);
      return true;
    });
  } catch (error) {
    throw withOutcome(error, `updating ${path}`, step);
  }
}

/** A refusal of the system is an outcome; an error of a disk or a server in the midst of naming is none. */
function withOutcome(error: unknown, doing: string, step: { naming: boolean; named: boolean }): AdapterError {
  const { errorClass } = asAdapterError(error, doing);
  const unclear = step.named || (step.naming && (errorClass === 'transient' || errorClass === 'bug'));
  return asAdapterError(error, doing, unclear ? 'maybe' : 'no');
}

/** Removes a file that still has this hash; what a person changed stays. */
export async function removeIfStill({ root, disk }: Target, path: string, sha256: string): Promise<void> {
  const standing = await standingAt(root, path);
  if (standing.kind !== 'file' || standing.sha256 !== sha256) return;
  try {
    await disk.unlink(join(root, path));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  await disk.syncFolder(dirname(join(root, path)));
}

export async function appendMark(
  { journal }: Target,
  path: string,
  { effectKey: key, revision, fingerprint, sha256 }: BodyRequest,
  file: FileId,
  context: PublisherContext,
): Promise<void> {
  const at = context.now().toISOString();
  await journal.append({ v: 1, key, revision, fingerprint, path, sha256, file, at });
}

/** Real path of the folder that a file goes to, made when missing. Checked before and after: nothing is made outside. */
async function folderFor(target: Target, path: string): Promise<string> {
  const known = await insideParent(target.root, path);
  if (known !== undefined) return known;
  for (let above = dirname(path); above !== '.'; above = dirname(above)) {
    if ((await insideParent(target.root, above)) !== undefined) break;
  }
  await makeFolder(dirname(join(target.root, path)), target.disk);
  const made = await insideParent(target.root, path);
  if (made === undefined) throw new Error(`the folder of ${path} was removed as soon as it was made`);
  return made;
}

async function withTemporary<T>(
  target: Target,
  folder: string,
  { effectKey, body }: BodyRequest,
  mode: number | undefined,
  use: (temporary: string) => Promise<T>,
): Promise<T> {
  await removeStale(folder, target.disk);
  const temporary = join(folder, `.${effectKey}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await target.disk.writeNew(temporary, body, mode);
    return await use(temporary);
  } finally {
    // After a rename it is gone already. If it can't be removed now, a later day does it.
    await target.disk.unlink(temporary).catch(() => undefined);
  }
}

/** Temporary files of processes that died more than a day ago; looked for once in a process. */
async function removeStale(folder: string, disk: Target['disk']): Promise<void> {
  if (swept.has(folder)) return;
  if (swept.size >= SWEPT_MAX) swept.clear();
  swept.add(folder);
  for (const name of await readdir(folder)) {
    if (!TEMPORARY_NAME.test(name)) continue;
    const path = join(folder, name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats && Date.now() - stats.mtimeMs > STALE_MS) await disk.unlink(path).catch(() => undefined);
  }
}

async function linkOrClaim(
  target: Target,
  path: string,
  temporary: string,
  final: string,
  request: BodyRequest,
  context: PublisherContext,
): Promise<boolean> {
  try {
    await target.disk.link(temporary, final);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (NO_LINKS.has(code)) return placeWithoutLinks(target, path, temporary, final, request, context);
    if (code !== 'EEXIST') throw error;
    const taken = await standingAt(target.root, path);
    return isClaim(taken, request.effectKey)
      ? placeWithoutLinks(target, path, temporary, final, request, context)
      : false;
  }
}

/**
 * The weaker way, for file systems without hard links: an exclusive create takes the name with one line of text,
 * then the file is renamed over it. Readers may see that line for a moment, and after a crash until the next try.
 */
async function placeWithoutLinks(
  target: Target,
  path: string,
  temporary: string,
  final: string,
  { effectKey }: BodyRequest,
  context: PublisherContext,
): Promise<boolean> {
  try {
    await target.disk.writeNew(final, Buffer.from(claimText(effectKey)));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    const taken = await standingAt(target.root, path);
    if (!isClaim(taken, effectKey) || taken.kind !== 'file') return false;
    if (context.now().getTime() - taken.mtimeMs < CLAIM_SETTLE_MS) {
      throw new AdapterError('transient', `another try is just writing ${final}`, {
        sent: 'no',
        retryAfterMs: CLAIM_SETTLE_MS,
      });
    }
  }
  await target.disk.rename(temporary, final);
  return true;
}

function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted)
    throw new AdapterError('transient', 'stopped before the file got its name', { sent: 'no' });
}
