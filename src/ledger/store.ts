import type { Kysely } from 'kysely';
import type { LedgerDialect } from './dialect.js';
import type { Tables } from './schema.js';

/** Where queries go: the whole database, or the transaction in hand. */
export type Db = Kysely<Tables>;

/**
 * What the queries need of a database. Inside a transaction only the `db` that its body is given may be used:
 * SQLite has one connection, and the transaction holds it.
 */
export interface Store {
  /** For a single read. */
  readonly db: Db;
  /**
   * One durable transaction that may write; it holds the write lock from its first moment. Its body does nothing but
   * query, for it may run more than once: a broken connection makes it begin again.
   */
  write<T>(body: (db: Db) => Promise<T>): Promise<T>;
  /** Several reads of one moment. The body does nothing but query, here too. */
  read<T>(body: (db: Db) => Promise<T>): Promise<T>;
  /** For a body that hands on what it reads: it runs once, and a broken connection is the end of it. */
  readOnce<T>(body: (db: Db) => Promise<T>): Promise<T>;
  /** ISO 8601, UTC. */
  now(): string;
}

export function createStore(
  { db, write, read, readOnce }: Pick<LedgerDialect, 'db' | 'write' | 'read' | 'readOnce'>,
  clock: () => Date,
): Store {
  return {
    db,
    write,
    read,
    readOnce,
    now: () => clock().toISOString(),
  };
}

/** Newest sequence number of `history`; 0 when empty. */
export async function headOf(db: Db): Promise<number> {
  const { head } = await db
    .selectFrom('history')
    .select((eb) => eb.fn.max('seq').as('head'))
    .executeTakeFirstOrThrow();
  return head ?? 0;
}
