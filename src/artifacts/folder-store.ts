/**
 * Artifacts as files named by their SHA-256: `<root>/sha256/ab/cdef…`.
 *  F1. A file under its final name is complete and on disk: it is written as a temporary file, synced, then renamed.
 *  F2. When `put` resolves, the name is on disk too: the folder is synced, also by a writer who found the file there,
 *      since whoever renamed it may have died before syncing.
 *  F3. Nothing needs a lock: all who write a name write the same bytes.
 */
import { createHash, randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArtifactRef, ArtifactStore } from '../contract/artifact.js';
import { AdapterError, isOurs } from '../contract/errors.js';
import { systemCode } from '../contract/thrown.js';
import { makeDirectory, readPart, removeStaleFiles, syncDirectory, writeAll } from './durable-files.js';
import type { WriteWatch } from '../write-watch.js';
import { toldOf } from './store-trouble.js';

/** No live writer pauses for a day; what is older was left by a crash. */
const STALE_AFTER_MS = 24 * 60 * 60 * 1000;

export interface FolderStoreOptions {
  /** Made (0700) with the first artifact. */
  readonly root: string;
  /** Told how each put ended, but for those whose own content failed. */
  readonly writes?: Pick<WriteWatch, 'noted'>;
}

/** A store for the processes of one host, or of hosts that share a folder which honours rename and fsync. */
export function folderArtifactStore({ root, writes }: FolderStoreOptions): ArtifactStore {
  // One folder for all temporary files: their hash, and so their final folder, is known only when they end.
  const incoming = join(root, 'incoming');
  const pathOf = (sha256: string): string => artifactFile(root, sha256);
  let prepared: Promise<void> | undefined;

  return {
    async put(content, mime) {
      const source = watched(content);
      const temporary = join(incoming, `${process.pid}-${randomUUID()}`);
      try {
        await (prepared ??= prepare(incoming));
        const written = await writeSynced(temporary, source.chunks);
        await keep(temporary, pathOf(written.sha256), written.bytes);
        writes?.noted(undefined);
        return mime === undefined ? written : { ...written, mime };
      } catch (error) {
        prepared = undefined; // the folder may be gone: the next put looks again
        if (source.failedWith(error)) throw error;
        const told = toldOf(error, `the artifact can't be stored [root=${root}]`);
        if (isOurs(told)) writes?.noted(told);
        throw told;
      } finally {
        // One that can't be removed is no reason to fail, nor to hide why we failed; it goes when it is stale.
        await rm(temporary, { force: true }).catch(() => undefined);
      }
    },

    async read(sha256) {
      const path = pathOf(sha256);
      const bytes = await readFile(path).catch((error: unknown) => {
        throw readError(sha256, path, error);
      });
      const found = createHash('sha256').update(bytes).digest('hex');
      if (found !== sha256) throw lost(`artifact ${sha256} is damaged [path=${path}, its hash=${found}]`);
      return bytes;
    },

    async readRange(sha256, offset, length) {
      const path = pathOf(sha256);
      let file: FileHandle | undefined;
      try {
        file = await open(path);
        return await readPart(file, offset, length);
      } catch (error) {
        throw readError(sha256, path, error);
      } finally {
        await file?.close();
      }
    },

    async has(sha256) {
      const path = pathOf(sha256);
      try {
        return (await sizeOf(path)) !== undefined;
      } catch (error) {
        throw readError(sha256, path, error);
      }
    },
  };
}

/** Where a store in this folder has an artifact, or would have it. @throws RangeError when that is no SHA-256 */
export const artifactFile = (root: string, sha256: string): string =>
  join(root, 'sha256', ...hashParts(sha256));

/** @throws RangeError for anything else, which might lead out of the folder */
function hashParts(sha256: string): [string, string] {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new RangeError(`not a SHA-256 in hexadecimal: "${sha256}"`);
  return [sha256.slice(0, 2), sha256.slice(2)];
}

async function prepare(incoming: string): Promise<void> {
  await makeDirectory(incoming);
  await removeStaleFiles(incoming, STALE_AFTER_MS);
}

/** Tells errors of the content's source, which are for the caller to judge, from those of this folder. */
function watched(content: Uint8Array | AsyncIterable<Uint8Array>) {
  let failure: { readonly error: unknown } | undefined;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      if (content instanceof Uint8Array) yield content;
      else yield* content;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  return { chunks: chunks(), failedWith: (error: unknown) => failure?.error === error };
}

async function writeSynced(path: string, chunks: AsyncIterable<Uint8Array>): Promise<ArtifactRef> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      await writeAll(file, chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** A file of another size under this name is damaged, by F1, and is replaced by the good one. */
async function keep(temporary: string, path: string, bytes: number): Promise<void> {
  await makeDirectory(dirname(path));
  if ((await sizeOf(path)) !== bytes) await rename(temporary, path);
  await syncDirectory(dirname(path)); // F2
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

const readError = (sha256: string, path: string, error: unknown): unknown =>
  systemCode(error) === 'ENOENT'
    ? lost(`artifact ${sha256} is missing [path=${path}]`, error)
    : toldOf(error, `artifact ${sha256} can't be read [path=${path}]`);

const lost = (what: string, cause?: unknown): AdapterError =>
  new AdapterError(
    'lost',
    `${what}: restore the file from a backup, or raise the revision of the job to have it made again`,
    {},
    { cause },
  );
