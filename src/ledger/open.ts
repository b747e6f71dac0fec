import type { Ledger } from './ledger.js';

export interface LedgerOptions {
  /** File of the ledger; made, with its folders, where absent. */
  readonly path: string;
  /** For the times in the rows; never for decisions. */
  readonly now?: () => Date;
}

/**
 * Opens the ledger of this host, and brings an older one up to date. Any number of processes may have it open.
 * The database is loaded only here, so that a command without a ledger does not wait for it.
 * @throws AdapterError `config` when the file can't be used, or a newer release wrote it
 */
export async function openLedger({ path, now = () => new Date() }: LedgerOptions): Promise<Ledger> {
  const [{ openSqlite }, { createSqlLedger }] = await Promise.all([
    import('./dialect-sqlite.js'),
    import('./sql-ledger.js'),
  ]);
  return createSqlLedger(await openSqlite(path), now);
}
