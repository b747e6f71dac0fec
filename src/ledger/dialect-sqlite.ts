/**
 * The embedded ledger: one SQLite file, shared by all processes of one host (WAL needs shared memory, so a file on
 * network storage is not supported).
 *  S1. `synchronous = FULL` on every connection: better-sqlite3 reopens a WAL file as NORMAL, which loses the last
 *      commits when power fails, and a lost `attempting` could mean a second send.
 *  S2. SQLite must be 3.51.3, or 3.53.0 or newer: the others can corrupt a WAL file that several processes share.
 *      Source: sqlite.org/wal.html#walresetbug
 *  S3. The file is never opened by anything but SQLite: closing such a handle would drop the locks that this
 *      process holds on it. Source: sqlite.org/howtocorrupt.html
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { Kysely, sql, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { AdapterError } from '../contract/errors.js';
import { messageOf } from '../contract/thrown.js';
import type { LedgerDialect } from './dialect.js';
import { GroupCommit } from './group-commit.js';
import { initialSqlite } from './migrations/0001-initial-sqlite.js';
import { evidenceSqlite } from './migrations/0002-evidence-sqlite.js';
import type { Tables } from './schema.js';
import { SqliteDriver, whileBusy } from './sqlite-driver.js';
import { toldOf } from './sqlite-trouble.js';
import type { Db } from './store.js';

/**
 * How long SQLite itself waits for a lock, in milliseconds. The wait blocks the event loop, and with it the heartbeats
 * and polls of all sessions, so most of the waiting is done between tries (see `whileBusy`): where several workers share a
 * file, each would do little else.
 */
const BUSY_TIMEOUT_MS = 5;

const SYNCHRONOUS_FULL = 2;
const OLDEST_SAFE_SQLITE = '3.51.3';

/** Checking a file reads all of it: about 0.1 s at this size. */
const QUICK_CHECK_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Opens the file, making it (0600) and its folders (0700) where absent.
 * @throws AdapterError `config` when it can't be opened, is no SQLite file, or can't be made durable; `transient` when it
 *   stays locked, or its disk is full
 */
export async function openSqlite(path: string): Promise<LedgerDialect> {
  return dialectOver(await connect(path), path);
}

/**
 * For those who only look: changes no byte of the file, and makes none. Where there is none yet, or an older release
 * wrote it, the dialect is of a database in memory: empty, or a copy that may be brought up to date.
 */
export async function openSqliteToLook(path: string, newest: number): Promise<LedgerDialect> {
  if (!existsSync(path)) return dialectOver(new BetterSqlite3(':memory:'), path);
  const database = connectToLook(path);
  const dialect = dialectOver(database, path);
  try {
    const version = await dialect.schemaVersion(dialect.db);
    if (version >= newest) return dialect;
    const copy = database.serialize();
    copy[18] = copy[19] = 1; // a file in WAL mode can't be opened in memory; these two bytes of its header say so
    await dialect.db.destroy();
    return dialectOver(new BetterSqlite3(copy), path);
  } catch (error) {
    await dialect.db.destroy();
    throw error;
  }
}

/**
 * The last connection that closes tidies up a log that a crash left, which changes the file: so where there is a log,
 * a read-only connection. Where there is none, a read-only one would leave an empty one behind, and the other does not.
 */
function connectToLook(path: string): BetterSqlite3.Database {
  try {
    const database = new BetterSqlite3(path, {
      readonly: existsSync(`${path}-wal`),
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_MS,
    });
    database.pragma('query_only = ON');
    return database;
  } catch (error) {
    throw openError(path, error);
  }
}

/** @param path names the file to people */
export const queriesOver = (database: BetterSqlite3.Database, path: string): Db =>
  new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new SqliteDriver(database, path),
      createIntrospector: (introspected) => new SqliteIntrospector(introspected),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });

function dialectOver(database: BetterSqlite3.Database, path: string): LedgerDialect {
  const db = queriesOver(database, path);
  const read = <T>(body: (db: Db) => Promise<T>): Promise<T> =>
    db.transaction().setAccessMode('read only').execute(body);
  const groups = new GroupCommit((body) => db.transaction().execute(body));
  return {
    name: 'sqlite',
    db,
    write: (body) => groups.write(body),
    read,
    readOnce: read,
    schemaVersion: (within) => schemaVersion(within, path),
    migrations: {
      sequence: (column) => column.primaryKey().autoIncrement(),
      after: (migration) => AFTER[migration] ?? [],
    },
    facts: () => facts(db, path),
  };
}

const AFTER: Readonly<Record<string, readonly string[]>> = {
  '0001-initial': initialSqlite,
  '0002-evidence': evidenceSqlite,
};

async function connect(path: string): Promise<BetterSqlite3.Database> {
  let database: BetterSqlite3.Database | undefined;
  try {
    makePrivate(path);
    const opened = new BetterSqlite3(path, { timeout: BUSY_TIMEOUT_MS });
    database = opened;
    await whileBusy(() => enterWal(opened));
    opened.pragma('synchronous = FULL');
    opened.pragma('foreign_keys = ON');
    const synchronous = opened.pragma('synchronous', { simple: true });
    if (synchronous !== SYNCHRONOUS_FULL) throw new Error(`synchronous is ${String(synchronous)}, not FULL`);
    return opened;
  } catch (error) {
    database?.close();
    throw openError(path, error);
  }
}

function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(path, 'wx', 0o600)); // S3 holds: a file that we made just now has no locks yet
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  }
}

/** SQLite does not wait for locks here; a process that is just making the same file holds one. */
function enterWal(database: BetterSqlite3.Database): void {
  const mode = database.pragma('journal_mode = WAL', { simple: true });
  if (mode === 'wal') return;
  throw Object.assign(new Error(`journal_mode stays ${String(mode)}`), { code: 'SQLITE_BUSY' });
}

function openError(path: string, error: unknown): AdapterError {
  const told = toldOf(error, path);
  if (told instanceof AdapterError && told.errorClass === 'transient') return told;
  const reason = messageOf(error);
  const fix = reason.includes('NODE_MODULE_VERSION')
    ? 'better-sqlite3 was built for another Node: run "npm rebuild better-sqlite3"'
    : 'check that the path is a file of nightshift on a local disk that this user may write';
  return new AdapterError(
    'config',
    `the ledger can't be opened [path=${path}]: ${reason}; ${fix}`,
    { ours: 'ledger' },
    { cause: error },
  );
}

async function schemaVersion(db: Db, path: string): Promise<number> {
  const { rows } = await sql<{ name: string }>`
    select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'
    order by name = 'ledger_migrations' desc limit 1`.execute(db);
  if (rows[0] === undefined) return 0;
  if (rows[0].name !== 'ledger_migrations') {
    throw new AdapterError(
      'config',
      `the file is an SQLite database of another program [path=${path}]: name another state directory`,
    );
  }
  const { version } = await db
    .selectFrom('ledger_migrations')
    .select((eb) => eb.fn.max('version').as('version'))
    .executeTakeFirstOrThrow();
  return version ?? 0;
}

async function facts(db: Db, path: string): ReturnType<LedgerDialect['facts']> {
  const pragma = async (name: string): Promise<string> => {
    const { rows } = await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(db);
    return String(Object.values(rows[0] ?? {})[0]);
  };
  const { rows } = await sql<{ version: string }>`select sqlite_version() as version`.execute(db);
  const engineVersion = rows[0]?.version ?? 'unknown';
  const bytes = Number(await pragma('page_count')) * Number(await pragma('page_size'));
  const settings = {
    journal_mode: await pragma('journal_mode'),
    synchronous: await pragma('synchronous'),
    foreign_keys: await pragma('foreign_keys'),
    busy_timeout: await pragma('busy_timeout'),
    bytes: String(bytes),
    quick_check: bytes <= QUICK_CHECK_BYTES_MAX ? await pragma('quick_check(1)') : 'skipped: large file',
  };
  return { path, engineVersion, settings, problems: problemsOf(path, engineVersion, settings) };
}

function problemsOf(path: string, version: string, settings: Readonly<Record<string, string>>): string[] {
  const problems: string[] = [];
  if (olderThan(version, OLDEST_SAFE_SQLITE) || version.startsWith('3.52.')) {
    problems.push(
      `SQLite ${version} can corrupt a file that several processes use: ${OLDEST_SAFE_SQLITE} or newer is needed`,
    );
  }
  if (settings['journal_mode'] !== 'wal')
    problems.push(`journal_mode is ${settings['journal_mode']}, not wal`);
  if (settings['synchronous'] !== String(SYNCHRONOUS_FULL)) {
    problems.push(`synchronous is ${settings['synchronous']}, not 2 (FULL): a power cut can lose receipts`);
  }
  if (settings['foreign_keys'] !== '1') problems.push('foreign_keys is off');
  if (settings['quick_check'] !== 'ok' && settings['quick_check']?.startsWith('skipped') !== true) {
    problems.push(`the file is damaged, restore a backup: ${settings['quick_check']}`);
  }
  if (!existsSync(path)) return problems; // looked at only: it is in memory
  if ((statSync(path).mode & 0o077) !== 0)
    problems.push('other users can read the file: run "chmod 600" on it');
  if ((statSync(dirname(path)).mode & 0o022) !== 0) problems.push('other users can write to its folder');
  return problems;
}

function olderThan(version: string, needed: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [index, part] of needed.split('.').map(Number).entries()) {
    if ((parts[index] ?? 0) !== part) return (parts[index] ?? 0) < part;
  }
  return false;
}
