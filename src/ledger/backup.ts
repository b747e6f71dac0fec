/**
 * A copy of a ledger file that is in use.
 *  B1. SQLite makes it, out of one moment: copying the file would tear it, for the newest commits lie beside it.
 *  B2. It is checked as a restore would check it, and has its name only then.
 *  B3. The ledger is opened for reading, and is not brought up to date: a copy before an update is of the old schema.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type BetterSqlite3 from 'better-sqlite3';
import { AdapterError, UsageError } from '../contract/errors.js';
import { assertNew, partialOf, placeNew } from '../evidence/new-file.js';
import { checkCopy, type CopyFacts } from './copy-check.js';

export interface BackedUp extends CopyFacts {
  /** Absolute. */
  readonly file: string;
  readonly bytes: number;
  /** Of the file, to compare copies of it by. */
  readonly sha256: string;
}

const BUSY_TIMEOUT_MS = 5_000;

/**
 * Backs the ledger at `path` up to `out`. While it runs, this process does nothing else; others go on writing.
 * @throws UsageError when there is no ledger, or `out` is there already
 * @throws AdapterError `config` when the copy does not hold what the ledger holds
 */
export async function backupSqlite(path: string, out: string): Promise<BackedUp> {
  const file = resolve(out);
  await assertNew(file);
  await stat(path).catch(() => {
    throw new UsageError(`there is no ledger to back up [path=${path}]`);
  });
  const { default: Sqlite } = await import('better-sqlite3');
  const partial = partialOf(file);
  await (await open(partial, 'wx', 0o600)).close(); // SQLite takes an empty file, and keeps its mode
  try {
    const receipts = copyInto(new Sqlite(path, { readonly: true, timeout: BUSY_TIMEOUT_MS }), partial);
    const facts = inspect(new Sqlite(partial, { readonly: true }), partial);
    if (facts.receipts < receipts.before || facts.receipts > receipts.after) {
      throw new AdapterError(
        'config',
        `the copy has ${facts.receipts} receipts, the ledger ${receipts.before} [path=${path}]: the ledger may be damaged; run "nightshift doctor"`,
      );
    }
    await sync(partial);
    const { size: bytes } = await stat(partial);
    const sha256 = await hashOf(partial);
    await placeNew(partial, file);
    return { file, bytes, sha256, ...facts };
  } finally {
    await rm(partial, { force: true });
  }
}

/** Others may write meanwhile, and receipts only grow: the copy's number lies between these two. */
function copyInto(ledger: BetterSqlite3.Database, partial: string): { before: number; after: number } {
  try {
    const count = (): number => Number(ledger.prepare('select count(*) from receipts').pluck().get());
    const before = count();
    ledger.prepare('vacuum into ?').run(partial);
    return { before, after: count() };
  } finally {
    ledger.close();
  }
}

function inspect(copy: BetterSqlite3.Database, path: string): CopyFacts {
  try {
    return checkCopy(copy, path);
  } finally {
    copy.close();
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
