import { AdapterError, isOurs } from '../contract/errors.js';
import type { Signer } from '../evidence/signing.js';
import type { WriteWatch } from '../write-watch.js';
import type { LedgerDialect } from './dialect.js';
import type { Ledger } from './ledger.js';
import { postgresPlace } from './postgres-place.js';

/** Where a ledger is. */
export type LedgerPlace =
  /** File, for the processes of one host; made, with its folders, where absent. */
  | { readonly path: string }
  /** `postgres://…`, for several hosts. The database exists already; the tables are made where absent. */
  | { readonly url: string };

export type LedgerOptions = LedgerPlace & {
  /** For the times in the rows; never for decisions. */
  readonly now?: () => Date;
  /** Signs each receipt as it is written; without one, receipts are not signed. */
  readonly signer?: Signer;
  /** Told how each write ended. */
  readonly writes?: Pick<WriteWatch, 'noted'>;
};

/**
 * Opens the ledger, and brings an older one up to date. Any number of processes may have it open.
 * The database is loaded only here, so that a command without a ledger does not wait for it.
 * @throws AdapterError `config` when it can't be used, or a newer release wrote it; `auth` or `transient` when the
 *         server refuses, or does not answer
 */
export async function openLedger({
  now = () => new Date(),
  signer,
  writes,
  ...place
}: LedgerOptions): Promise<Ledger> {
  const [dialect, { createSqlLedger }] = await Promise.all([openDialect(place), import('./sql-ledger.js')]);
  return createSqlLedger(writes ? watched(dialect, writes) : dialect, now, signer);
}

/**
 * Opens the ledger for those who only look: nothing is written, and no file is made. A ledger that is not there yet
 * is an empty one; of one that an older release wrote, a copy in memory is read.
 * @throws AdapterError as `openLedger`; `config` where a database of several hosts is of an older release
 */
export async function openLedgerToLook({
  now = () => new Date(),
  ...place
}: Omit<LedgerOptions, 'signer'> & LedgerPlace): Promise<Ledger> {
  const [{ MIGRATIONS }, { createSqlLedger }] = await Promise.all([
    import('./migrate.js'),
    import('./sql-ledger.js'),
  ]);
  const newest = MIGRATIONS.length;
  const { openSqliteToLook } = await import('./dialect-sqlite.js');
  if ('path' in place) return createSqlLedger(await openSqliteToLook(place.path, newest), now);

  const dialect = await (await import('./dialect-postgres.js')).openPostgres(place.url, { look: true });
  const version = await dialect.schemaVersion(dialect.db);
  if (version >= newest) return createSqlLedger(dialect, now);
  await dialect.db.destroy();
  if (version === 0) return createSqlLedger(await openSqliteToLook(NO_FILE, newest), now);
  throw new AdapterError(
    'config',
    `the ledger is of an older release [database=${postgresPlace(place.url)}, schema=${version}, known here: ${newest}], ` +
      'and looking changes nothing: bring it up to date first, with "nightshift doctor" while NIGHTSHIFT_LEDGER names it, or the next run',
  );
}

/** What SQL says of a statement is no trouble of the ledger's. */
const watched = (dialect: LedgerDialect, writes: Pick<WriteWatch, 'noted'>): LedgerDialect => ({
  ...dialect,
  async write(body) {
    try {
      const result = await dialect.write(body);
      writes.noted(undefined);
      return result;
    } catch (error) {
      if (isOurs(error)) writes.noted(error);
      throw error;
    }
  },
});

/** No file has an empty name. */
const NO_FILE = '';

async function openDialect(place: LedgerPlace): Promise<LedgerDialect> {
  if ('url' in place) return (await import('./dialect-postgres.js')).openPostgres(place.url);
  return (await import('./dialect-sqlite.js')).openSqlite(place.path);
}
