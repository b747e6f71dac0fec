import type { Signer } from '../evidence/signing.js';
import type { LedgerDialect } from './dialect.js';
import type { Ledger } from './ledger.js';

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
  ...place
}: LedgerOptions): Promise<Ledger> {
  const [dialect, { createSqlLedger }] = await Promise.all([openDialect(place), import('./sql-ledger.js')]);
  return createSqlLedger(dialect, now, signer);
}

async function openDialect(place: LedgerPlace): Promise<LedgerDialect> {
  if ('url' in place) return (await import('./dialect-postgres.js')).openPostgres(place.url);
  return (await import('./dialect-sqlite.js')).openSqlite(place.path);
}
