import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isProcessAlive } from '../../../process-alive.js';

/**
 * The bare clone of one remote that belongs to this process alone.
 *
 *  C1. Its name holds host and process id, so no two processes write to one clone.
 *  C2. The clone of a process that is gone is taken over by renaming it: one process wins.
 *  C3. It holds nothing that counts. What is damaged, or has grown too many small parts, is thrown away.
 */
export interface CloneHome {
  /** Folder that is, or will be, the repository. */
  readonly dir: string;
  /** Makes sure that something is there. @param init makes an empty bare repository at `dir` */
  open(init: () => Promise<void>): Promise<void>;
  remove(): Promise<void>;
  /** Runs work on the clone, one at a time within this process. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}

/** Each fetch leaves a pack, and each shallow one a line; nothing tidies up behind them. */
const PACKS_MAX = 200;
const SHALLOW_BYTES_MAX = 20_000;

/** Each commit touches the folder. One that is used again after this is made anew. */
const FORGOTTEN_MS = 7 * 24 * 3600 * 1000;

const turns = new Map<string, Promise<void>>();

export function cloneHome(cacheDir: string, remoteHash: string): CloneHome {
  const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
  const prefix = `${remoteHash}.${host}.`;
  const dir = join(cacheDir, `${prefix}${process.pid}.git`);
  const remove = () => rm(dir, { recursive: true, force: true, maxRetries: 3 });

  return {
    dir,
    remove,
    async open(init) {
      if (await isOvergrown(dir)) await remove();
      if (isRepository(dir)) return;
      await remove();
      await mkdir(cacheDir, { recursive: true });
      await takeOver(cacheDir, prefix, dir);
      await removeForgotten(cacheDir, remoteHash, dir);
      if (isRepository(dir)) return removeLeftovers(dir);
      await remove();
      await init();
    },
    inTurn<T>(work: () => Promise<T>): Promise<T> {
      const before = turns.get(dir) ?? Promise.resolve();
      const result = before.then(work);
      const end = result.then(
        () => undefined,
        () => undefined,
      );
      turns.set(dir, end);
      void end.then(() => turns.get(dir) === end && turns.delete(dir));
      return result;
    },
  };
}

const isRepository = (dir: string): boolean =>
  existsSync(join(dir, 'HEAD')) && existsSync(join(dir, 'objects'));

async function isOvergrown(dir: string): Promise<boolean> {
  const packs = await readdir(join(dir, 'objects', 'pack')).catch(() => []);
  const shallow = await readFile(join(dir, 'shallow')).catch(() => Buffer.alloc(0));
  return (
    packs.filter((name) => name.endsWith('.pack')).length > PACKS_MAX ||
    shallow.byteLength > SHALLOW_BYTES_MAX
  );
}

async function takeOver(cacheDir: string, prefix: string, dir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const [, pid] = name.startsWith(prefix) ? (/^(\d+)\.git$/.exec(name.slice(prefix.length)) ?? []) : [];
    if (pid === undefined || isProcessAlive(Number(pid))) continue;
    const taken = await rename(join(cacheDir, name), dir).then(
      () => true,
      () => false, // another process was quicker
    );
    if (taken) return;
  }
}

/** Clones that nobody has used for long, such as those of containers, whose host names never come back. */
async function removeForgotten(cacheDir: string, remoteHash: string, own: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const path = join(cacheDir, name);
    if (!name.startsWith(`${remoteHash}.`) || !name.endsWith('.git') || path === own) continue;
    const info = await stat(path).catch(() => undefined);
    if (info && Date.now() - info.mtimeMs > FORGOTTEN_MS) await rm(path, { recursive: true, force: true });
  }
}

/** What a killed git leaves behind: locks that nobody holds, and halves of files. */
async function removeLeftovers(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const isLeftover = /\.lock$|^tmp_|^nightshift-index-/.test(entry.name);
    if (entry.isFile() && isLeftover) await rm(join(entry.parentPath, entry.name), { force: true });
  }
}
