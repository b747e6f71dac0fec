import { createHash } from 'node:crypto';
import { constants, type BigIntStats, type Stats } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { AdapterError } from '../../../contract/errors.js';
import { systemCode } from '../../../contract/thrown.js';

/** What stands at a path inside a target. */
export type Standing =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'file';
      readonly sha256: string;
      readonly mode: number;
      readonly mtimeMs: number;
      readonly file: FileId;
    }
  /** A link, a folder, or whatever else is no file. */
  | { readonly kind: 'other'; readonly what: string };

/** Tells one file of a file system from all others, also from a later one under its name; a copy is another file. */
export type FileId = string;

const READ_BYTES = 1 << 18;

/**
 * @param root real path of the target
 * @param path inside it, checked
 * @throws AdapterError `invalid` when a link leads out of the target
 */
export async function standingAt(root: string, path: string): Promise<Standing> {
  const full = join(root, path);
  try {
    if ((await insideParent(root, path)) === undefined) return { kind: 'absent' };
    const stats = await lstat(full);
    if (!stats.isFile()) return { kind: 'other', what: kindOf(stats) };
    return await readStanding(full);
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
        return { kind: 'absent' };
      case 'ENOTDIR':
        return { kind: 'other', what: 'a file where a folder should be' };
      case 'ELOOP': // it became one since we looked
        return { kind: 'other', what: 'a link' };
      default:
        throw error;
    }
  }
}

/**
 * Real path of the folder that a path lies in; undefined while it does not exist.
 * @throws AdapterError `invalid` when a link leads out of the target
 */
export async function insideParent(root: string, path: string): Promise<string | undefined> {
  const parent = dirname(join(root, path));
  let real;
  try {
    real = await realpath(parent);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)) return real;
  throw new AdapterError(
    'invalid',
    `${parent} is a link that leads out of ${root}; nothing is written there`,
    {
      sent: 'no',
    },
  );
}

async function readStanding(path: string): Promise<Standing> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stats = await file.stat({ bigint: true });
    const hash = createHash('sha256');
    const part = Buffer.allocUnsafe(READ_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(part, 0, READ_BYTES);
      if (bytesRead === 0) break;
      hash.update(part.subarray(0, bytesRead));
    }
    return {
      kind: 'file',
      sha256: hash.digest('hex'),
      mode: Number(stats.mode) & 0o777,
      mtimeMs: Number(stats.mtimeMs),
      file: idOf(stats),
    };
  } finally {
    await file.close();
  }
}

/** Of a file that exists and is no link. */
export const fileIdOf = async (path: string): Promise<FileId> => idOf(await lstat(path, { bigint: true }));

/** Numbers of files that are gone are given to new ones; the time of the last writing tells these apart. */
const idOf = ({ ino, mtimeNs }: BigIntStats): FileId => `${ino}-${mtimeNs}`;

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return 'a link';
  return stats.isDirectory() ? 'a folder' : 'something that is no file';
}
