/**
 * Puts a backup in the place of a ledger.
 *  R1. The copy is checked, and brought up to date, before the ledger in place is touched.
 *  R2. Nobody has the ledger open. SQLite proves it: only alone can a connection leave WAL mode. The lock is held over
 *      the change, and whoever opened the old file meanwhile is refused by SQLite, for the file has moved.
 *  R3. There is a ledger under its name at every moment, the old or the new one, whole. The old one stays beside it.
 */
import { chmod, copyFile, link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type BetterSqlite3 from 'better-sqlite3';
import { makeDirectory, syncDirectory } from '../artifacts/durable-files.js';
import { AdapterError, UsageError } from '../contract/errors.js';
import { partialOf } from '../evidence/new-file.js';
import { checkCopy, type CopyFacts } from './copy-check.js';
import { openLedger } from './open.js';
import { patiently } from './patience.js';
import { isBusy } from './sqlite-driver.js';

export interface Restored extends CopyFacts {
  /** The backup. Absolute. */
  readonly from: string;
  /** Where the ledger that was in place is now; undefined where there was none. */
  readonly replaced: string | undefined;
  /** What that one had in it; undefined also where it was damaged. */
  readonly before: CopyFacts | undefined;
}

/** Commands that only look have the ledger open for a moment. */
const IN_USE_FOR_MS = 3_000;

/**
 * Restores `from` as the ledger at `path`.
 * @param by  who asks; kept in the restored ledger
 * @throws UsageError when there is no such file
 * @throws AdapterError `config` when it can't be restored, `throttled` when somebody has the ledger open; then
 *         nothing has changed
 */
export async function restoreSqlite(path: string, from: string, by: string): Promise<Restored> {
  const file = resolve(from);
  await assertCopy(file, path);
  await makeDirectory(dirname(path));
  const partial = partialOf(path);
  try {
    const facts = await preparedCopy(file, partial, by);
    const { replaced, before } = await exchange(path, partial);
    return { from: file, ...facts, replaced, before };
  } finally {
    for (const end of ['', '-wal', '-shm']) await rm(`${partial}${end}`, { force: true });
  }
}

/**
 * @param path of the ledger in place, where it is a file
 * @throws UsageError, AdapterError `config`
 */
export async function assertCopy(file: string, path?: string): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw new UsageError(`there is no file to restore [file=${file}]`);
  const ledger = path === undefined ? undefined : await stat(path).catch(() => undefined);
  if (ledger && ledger.ino === found.ino && ledger.dev === found.dev) {
    throw new UsageError(`${file} is the ledger in place: name a backup of it`);
  }
  const wal = await stat(`${file}-wal`).catch(() => undefined);
  if (wal === undefined || wal.size === 0) return;
  throw new AdapterError(
    'config',
    `the file is no backup but a ledger in use, whose newest commits lie beside it [file=${file}]: ` +
      'make a backup of it with "nightshift ledger backup"',
  );
}

/** R1. @returns what the backup has in it, as it came */
export async function preparedCopy(file: string, partial: string, by: string): Promise<CopyFacts> {
  await copyFile(file, partial);
  await chmod(partial, 0o600);
  const { default: Sqlite } = await import('better-sqlite3');
  const copy = new Sqlite(partial);
  let facts: CopyFacts;
  try {
    facts = checkCopy(copy, file);
  } finally {
    copy.close();
  }
  const ledger = await openLedger({ path: partial });
  try {
    const reason = `from ${file}, newest entry ${facts.newestAt ?? 'none'}`;
    await ledger.recordRequest({ by, what: 'restore', outcome: 'done', reason });
  } finally {
    await ledger.close();
  }
  if (await stat(`${partial}-wal`).catch(() => undefined)) {
    throw new Error(`the copy was not closed in good order [file=${partial}]`);
  }
  const synced = await open(partial, 'r+');
  await synced.sync().finally(() => synced.close());
  return facts;
}

type Exchanged = Pick<Restored, 'replaced' | 'before'>;

async function exchange(path: string, partial: string): Promise<Exchanged> {
  const there = await stat(path).catch(() => undefined);
  const held = there === undefined ? undefined : await takeAlone(path);
  try {
    const replaced = there === undefined ? undefined : await keepAside(path);
    if (held === undefined) await moveRemains(path, replaced); // R2 left none where SQLite could read the old one
    await rename(partial, path); // R3
    await syncDirectory(dirname(path));
    return { replaced, before: held?.facts };
  } finally {
    held?.database.close();
  }
}

interface Held {
  readonly database: BetterSqlite3.Database;
  readonly facts: CopyFacts | undefined;
}

/** @returns undefined when SQLite can't read the file: then nobody can use it */
async function takeAlone(path: string): Promise<Held | undefined> {
  const { default: Sqlite } = await import('better-sqlite3');
  const patience = { forMs: IN_USE_FOR_MS, passes: isBusy, pauseMs: () => 50 };
  try {
    return await patiently(() => {
      const database = new Sqlite(path, { timeout: 0, fileMustExist: true });
      try {
        database.pragma('locking_mode = EXCLUSIVE');
        const mode = database.pragma('journal_mode = DELETE', { simple: true });
        if (mode !== 'delete') throw Object.assign(new Error('not alone'), { code: 'SQLITE_BUSY' });
        const facts = factsIfSound(database, path);
        database.exec('begin exclusive');
        return { database, facts };
      } catch (error) {
        database.close();
        throw error;
      }
    }, patience);
  } catch (error) {
    if (isBusy(error)) throw inUse(path);
    if (isDamage(error)) return undefined;
    throw error;
  }
}

function factsIfSound(database: BetterSqlite3.Database, path: string): CopyFacts | undefined {
  try {
    return checkCopy(database, path);
  } catch (error) {
    if (error instanceof AdapterError) return undefined; // that it is damaged may be why a backup is restored
    throw error;
  }
}

/** Gives the ledger in place a second name, with the date in it; it loses the first when the new one takes it. */
async function keepAside(path: string): Promise<string> {
  const end = extname(path);
  const at = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  for (let number = 1; ; number++) {
    const name = `${basename(path, end)}-replaced-${at}Z${number > 1 ? `-${number}` : ''}${end}`;
    const replaced = join(dirname(path), name);
    try {
      await link(path, replaced);
      return replaced;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') continue;
      throw new AdapterError(
        'config',
        `the ledger in place can't be kept beside the new one [path=${path}, ${String(code)}]: move it away, then restore again`,
        {},
        { cause: error },
      );
    }
  }
}

/** A journal of the old file would be played into the new one. It stays with the old one, for whoever looks into it. */
async function moveRemains(path: string, replaced: string | undefined): Promise<void> {
  for (const end of ['-wal', '-journal']) {
    const remains = await stat(`${path}${end}`).catch(() => undefined);
    if (remains) await rename(`${path}${end}`, `${replaced ?? `${path}-remains-${Date.now()}`}${end}`);
  }
  await rm(`${path}-shm`, { force: true });
}

const isDamage = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  /^SQLITE_(NOTADB|CORRUPT|IOERR_SHORT_READ)/.test(String(error.code));

const inUse = (path: string): AdapterError =>
  new AdapterError(
    'throttled',
    `the ledger is in use, so nothing was restored [path=${path}]: stop its workers, and whatever runs or watches a batch; then run the same command again`,
  );
