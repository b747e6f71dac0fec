import { randomUUID } from 'node:crypto';
import { link, lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory } from '../artifacts/durable-files.js';
import { UsageError } from '../contract/errors.js';
import { systemCode } from '../contract/thrown.js';
import { isFolder } from '../is-folder.js';

/** Where file systems have no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** @throws UsageError: what is kept as evidence, or for a bad day, is never written over; no folder is made for it */
export async function assertNew(path: string): Promise<void> {
  const folder = dirname(path);
  if (!(await isFolder(folder))) {
    throw new UsageError(`${folder} is no folder: make it first, or name a file in another one`);
  }
  const there = await lstat(path).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
  if (there) throw exists(path);
}

/** A name beside `path` for what is not complete yet. */
export const partialOf = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${process.pid}-${randomUUID().slice(0, 8)}.partial`);

/** A file that is being written. */
export interface NewFile {
  readonly append: (text: string) => Promise<void>;
  /** Forgets all that was written. */
  readonly restart: () => Promise<void>;
}

/**
 * Writes a file (0600) that is there whole or not at all, also when power fails.
 * @throws UsageError when the name is taken
 */
export async function writeNewFile(
  path: string,
  write: (output: NewFile) => Promise<void>,
): Promise<{ readonly bytes: number }> {
  await assertNew(path);
  const partial = partialOf(path);
  let bytes = 0;
  try {
    const file = await open(partial, 'wx', 0o600);
    try {
      await write({
        async append(text) {
          const chunk = Buffer.from(text);
          for (let from = 0; from < chunk.length;) {
            const { bytesWritten } = await file.write(chunk, from, chunk.length - from, bytes);
            from += bytesWritten;
            bytes += bytesWritten;
          }
        },
        async restart() {
          await file.truncate(0);
          bytes = 0;
        },
      });
      await file.sync();
    } finally {
      await file.close();
    }
    await placeNew(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  return { bytes };
}

/** Gives a complete file its name, unless that is taken. @throws UsageError */
export async function placeNew(partial: string, path: string): Promise<void> {
  try {
    await link(partial, path);
    await rm(partial);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw exists(path);
    if (!NO_LINKS.has(systemCode(error) ?? '')) throw error;
    await assertNew(path);
    await rename(partial, path);
  }
  await syncDirectory(dirname(path));
}

const exists = (path: string): UsageError =>
  new UsageError(`${path} is there already and is not written over: name another file`);
