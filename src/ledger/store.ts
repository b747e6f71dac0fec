import type { Kysely } from 'kysely';
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
  /** One durable transaction that may write; it holds the write lock from its first moment. */
  write<T>(body: (db: Db) => Promise<T>): Promise<T>;
  /** Several reads of one moment. */
  read<T>(body: (db: Db) => Promise<T>): Promise<T>;
  /** ISO 8601, UTC. */
  now(): string;
}

export function createStore(db: Db, clock: () => Date): Store {
  return {
    db,
    write: (body) => db.transaction().execute(body),
    read: (body) => db.transaction().setAccessMode('read only').execute(body),
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
