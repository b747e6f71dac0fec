/**
 * Locks between processes of one machine that end with their process, however it ends.
 *
 * Owns: the mapping of "exclusive" and "shared" to the file locks SQLite takes. The kernel frees those when a
 * process dies, SIGKILL included, so there is no stale lock to clear. Node has no file locks of its own.
 *  L1. A lock file stays empty and alone: nothing is written, an empty file is a valid database.
 *  L2. A lock file is opened through this module only. POSIX drops all locks a process has on a file when the
 *      process closes any descriptor of it; SQLite minds this among its own connections, `node:fs` does not.
 *  L3. A rollback journal, never WAL: in WAL mode readers do not keep writers out.
 */
import { truncateSync } from 'node:fs';
import Database from 'better-sqlite3';

export interface ProcessLock {
  /** Gives the lock up. Idempotent. */
  release(): void;
}

/**
 * An attempt holds the file for well under a millisecond, and two attempts at once can refuse each other. A few
 * tries apart keep "somebody is just asking" from being taken for "somebody has it". At most 2 × 4 ms of waiting.
 */
const TRIES = 3;
const PAUSE_MS_MAX = 4;

/** Pins open connections: a garbage-collected one would close, and its lock end unasked. */
const held = new Set<Database.Database>();

/**
 * Takes the lock if nobody has it, exclusively or shared. The folder must exist; the file is made if need be.
 * @returns the lock, or undefined when another process, or another call in this one, has it
 * @throws  the SQLite error when the file cannot be opened
 */
export function tryExclusiveLock(path: string): ProcessLock | undefined {
  return tryRepeatedly(path, 'BEGIN EXCLUSIVE');
}

/**
 * Takes the lock unless somebody has it exclusively; any number of processes may share it. The folder must exist.
 * @returns the lock, or undefined when somebody has it exclusively
 * @throws  the SQLite error when the file cannot be opened
 */
export function trySharedLock(path: string): ProcessLock | undefined {
  return tryRepeatedly(path, 'BEGIN; SELECT count(*) FROM sqlite_master');
}

function tryRepeatedly(path: string, sql: string): ProcessLock | undefined {
  for (let tries = 1; ; tries++) {
    const lock = tryOnce(path, sql);
    if (lock || tries === TRIES) return lock;
    pause(Math.random() * PAUSE_MS_MAX);
  }
}

function tryOnce(path: string, sql: string): ProcessLock | undefined {
  const db = new Database(path, { timeout: 0 }); // 0: answer at once; waiting inside SQLite would block this process
  try {
    db.exec(`PRAGMA journal_mode = MEMORY; ${sql}`); // L1: an exclusive begin on an empty file would write a journal
  } catch (error) {
    db.close();
    const code = sqliteCode(error);
    if (code.startsWith('SQLITE_BUSY')) return undefined;
    if (code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT') {
      // Something else wrote here (L1). Nobody can hold a lock on such a file, so emptying it takes none away.
      truncateSync(path);
      return undefined;
    }
    throw error;
  }
  held.add(db);
  return {
    release() {
      held.delete(db);
      db.close();
    },
  };
}

const sqliteCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Synchronous, so that the functions above are. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
