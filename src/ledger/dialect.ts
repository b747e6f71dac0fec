import type { ColumnDefinitionBuilder } from 'kysely';
import type { LedgerFacts } from './ledger.js';
import type { Db } from './store.js';

/** What differs between the databases that can hold a ledger. Queries are shared. */
export interface LedgerDialect {
  readonly name: LedgerFacts['dialect'];
  /** For a single read. */
  readonly db: Db;
  /** One durable transaction. The body may run more than once; it was done once when the promise resolves. */
  write<T>(body: (db: Db) => Promise<T>): Promise<T>;
  /** Several reads of one moment; they too may run more than once. */
  read<T>(body: (db: Db) => Promise<T>): Promise<T>;
  /** Like `read`, but run once: a broken connection is the end of it. */
  readOnce<T>(body: (db: Db) => Promise<T>): Promise<T>;
  /** 0 where no migration ever ran. @throws AdapterError `config` where the database is somebody else's */
  schemaVersion(db: Db): Promise<number>;
  readonly migrations: MigrationParts;
  facts(): Promise<Omit<LedgerFacts, 'dialect' | 'schemaVersion'>>;
}

/** The parts of a migration that SQL databases write differently. */
export interface MigrationParts {
  /** Makes a whole-number column count upwards by itself; a number is never given twice. */
  sequence(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
  /** Statements to run after the tables of that migration exist: triggers. */
  after(migration: string): readonly string[];
}
