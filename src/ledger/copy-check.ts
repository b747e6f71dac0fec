import type BetterSqlite3 from 'better-sqlite3';
import { AdapterError } from '../contract/errors.js';
import { messageOf } from '../contract/thrown.js';
import { MIGRATIONS } from './migrate.js';
import { APPLICATION_ID } from './migrations/0002-evidence-sqlite.js';

/** What a ledger file has in it, for people to compare. */
export interface CopyFacts {
  readonly schemaVersion: number;
  readonly jobs: number;
  readonly receipts: number;
  /** Of the newest change of state; undefined in a ledger never used. */
  readonly newestAt: string | undefined;
}

/** First schema that carries the application id. */
const MARKED_FROM = 2;

/**
 * Reads all of a ledger file and says what is in it.
 * @throws AdapterError `config` when it is no ledger, damaged, or of a newer release
 */
export function checkCopy(database: BetterSqlite3.Database, path: string): CopyFacts {
  const one = (sql: string): unknown => database.prepare(sql).pluck().get();
  const refuse = (why: string) => new AdapterError('config', `${why} [file=${path}]`);
  try {
    const tables = database.prepare(`select name from sqlite_master where type = 'table'`).pluck().all();
    if (!tables.includes('ledger_migrations'))
      throw refuse('the file is no ledger: it has none of its tables');
    const names = database.prepare('select name from ledger_migrations order by version').pluck().all();
    const schemaVersion = names.length;
    if (schemaVersion > MIGRATIONS.length) {
      throw refuse(
        `the ledger was written by a newer nightshift (schema ${schemaVersion}, known here up to ${MIGRATIONS.length}): update nightshift on this machine`,
      );
    }
    const strange = names.find((name, index) => MIGRATIONS[index]?.name !== name);
    if (strange !== undefined || schemaVersion === 0)
      throw refuse('the file is no ledger: its schema is another one');
    const id = database.pragma('application_id', { simple: true });
    if (id !== APPLICATION_ID && (schemaVersion >= MARKED_FROM || id !== 0)) {
      throw refuse(`the file is no ledger: its application id is ${String(id)}, not ${APPLICATION_ID}`);
    }
    const integrity = database.pragma('integrity_check(1)', { simple: true });
    if (integrity !== 'ok') throw refuse(`the file is damaged: ${String(integrity)}`);
    const orphan = database.pragma('foreign_key_check') as readonly { readonly table: string }[];
    if (orphan[0])
      throw refuse(`the file is damaged: a row of ${orphan[0].table} has lost what it belongs to`);
    return {
      schemaVersion,
      jobs: Number(one('select count(*) from jobs')),
      receipts: Number(one('select count(*) from receipts')),
      newestAt: (one('select at from history order by seq desc limit 1') as string | undefined) ?? undefined,
    };
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    const reason = messageOf(error);
    throw new AdapterError(
      'config',
      `the file can't be read as a ledger [file=${path}]: ${reason}`,
      {},
      { cause: error },
    );
  }
}
