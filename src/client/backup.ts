import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { statePaths, type Config } from '../config.js';
import { AdapterError, UsageError } from '../contract/errors.js';
import { systemCode } from '../contract/thrown.js';
import { tryExclusiveLock, type ProcessLock } from '../engine/index.js';
import type { BackedUp } from '../ledger/backup.js';
import type { Restored } from '../ledger/restore.js';
import { shellWord } from '../policy/shell-word.js';
import { copyArtifacts, type ArtifactCopies } from './artifact-copies.js';

export interface BackupRequest {
  /** File to write; must not be there yet. */
  readonly file: string;
  /** Folder that gets the artifacts it lacks; backups may share it. */
  readonly artifacts?: string;
}

export interface Backup extends BackedUp {
  readonly artifacts?: ArtifactCopies & { readonly folder: string };
}

export interface RestoreRequest {
  readonly file: string;
  /** Folder of artifacts; the state directory gets those that it lacks. */
  readonly artifacts?: string;
}

export interface Restoration extends Restored {
  readonly artifacts?: ArtifactCopies & { readonly folder: string };
}

type Place = Pick<Config, 'ledger' | 'stateDir'>;

/**
 * Backs the ledger up, while it is in use. The artifacts come after it, so that they have all that it names.
 * @throws UsageError when the file is there already, or there is no ledger
 * @throws AdapterError `config` where the ledger is in PostgreSQL, with the command to use instead
 */
export async function backUp(config: Place, { file, artifacts }: BackupRequest): Promise<Backup> {
  const path = pathOf(
    config,
    `its own tools copy it; NIGHTSHIFT_LEDGER is its URL:\n  pg_dump --format=custom --file=${shellWord(file)} --dbname="$NIGHTSHIFT_LEDGER"`,
  );
  const { backupSqlite } = await import('../ledger/backup.js');
  const backedUp = await backupSqlite(path, file);
  if (artifacts === undefined) return backedUp;
  const folder = resolve(artifacts);
  return { ...backedUp, artifacts: { folder, ...(await copyArtifacts(artifactsOf(config), folder)) } };
}

/**
 * Puts a backup in the place of the ledger, which stays beside it. The caller has closed its own ledger. Where the ledger
 * is in PostgreSQL, a backup of a file is brought into it while it is empty.
 * @throws UsageError when there is no such file
 * @throws AdapterError `throttled` while a worker lives or anybody has the ledger open; `config` when the file can't be
 *         restored, or the ledger in PostgreSQL is in use. Then the ledger is as it was; artifacts that were copied before
 *         that stay.
 */
export async function restore(
  config: Place,
  { file, artifacts }: RestoreRequest,
  by: string,
): Promise<Restoration> {
  const put = await restorerOf(config, file);
  const lock = withoutWorkers(config);
  try {
    // First, so that a ledger never names artifacts that are still to come.
    const folder = artifacts === undefined ? undefined : resolve(artifacts);
    const copies = folder === undefined ? undefined : await copyArtifacts(folder, artifactsOf(config));
    const restored = await put(by);
    return { ...restored, ...(folder !== undefined && copies && { artifacts: { folder, ...copies } }) };
  } finally {
    lock.release();
  }
}

async function restorerOf(config: Place, file: string): Promise<(by: string) => Promise<Restored>> {
  const { ledger, stateDir } = config;
  if ('url' in ledger && (await isSqlite(file))) {
    const { restoreIntoPostgres } = await import('../ledger/restore-into-postgres.js');
    return (by) => restoreIntoPostgres(ledger.url, file, by, statePaths(stateDir).ledger);
  }
  const path = pathOf(
    config,
    `its own tools restore it, into a new database, which NIGHTSHIFT_LEDGER names from then on:\n  pg_restore --single-transaction --dbname="$NEW_LEDGER" ${shellWord(file)}`,
  );
  const { restoreSqlite } = await import('../ledger/restore.js');
  return (by) => restoreSqlite(path, file, by);
}

/** Source: sqlite.org/fileformat.html, "Magic Header String". */
const SQLITE_MAGIC = 'SQLite format 3\0';

/** @throws UsageError when there is no such file */
async function isSqlite(file: string): Promise<boolean> {
  try {
    const opened = await open(file);
    try {
      const { buffer, bytesRead } = await opened.read(
        Buffer.alloc(SQLITE_MAGIC.length),
        0,
        SQLITE_MAGIC.length,
        0,
      );
      return buffer.toString('latin1', 0, bytesRead) === SQLITE_MAGIC;
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new UsageError(`there is no file to restore [file=${file}]`, { cause: error });
  }
}

function pathOf({ ledger }: Place, instead: string): string {
  if ('path' in ledger) return ledger.path;
  throw new AdapterError('config', `the ledger is in PostgreSQL: ${instead}`);
}

const artifactsOf = ({ stateDir }: Place): string => statePaths(stateDir).artifacts;

/** Nobody of this state directory may take work while the ledger changes. @throws AdapterError `throttled` */
function withoutWorkers({ stateDir }: Place): ProcessLock {
  const { workerLock, workers } = statePaths(stateDir);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const lock = tryExclusiveLock(workerLock);
  const alive = lock ? liveWorker(workers) : 'one that a run, "up" or "worker" hosts';
  if (lock && alive === undefined) return lock;
  lock?.release();
  throw new AdapterError(
    'throttled',
    `a worker is alive, so nothing was restored [worker=${alive}, state=${stateDir}]: stop it, then run the same command again`,
  );
}

/** Each worker holds a lock of its name for as long as its process lives. */
function liveWorker(folder: string): string | undefined {
  const locks = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.lock')) : [];
  return locks.find((name) => {
    const lock = tryExclusiveLock(join(folder, name));
    lock?.release();
    return lock === undefined;
  });
}
