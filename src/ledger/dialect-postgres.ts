/**
 * The ledger of several worker machines: one schema of a PostgreSQL database.
 *  Q1. Each method that writes is done once, also when connections break: what surely did not happen is repeated, and
 *      of a COMMIT without an answer it is found out (P3) whether it happened.
 *  Q2. Trouble that outlasts the patience is an AdapterError of class `transient`, so the Activity is tried again.
 *  Q3. No message, fact or error holds a password.
 */
import {
  HandleEmptyInListsPlugin,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  replaceWithNoncontingentExpression,
  sql,
} from 'kysely';
import { AdapterError } from '../contract/errors.js';
import type { LedgerDialect } from './dialect.js';
import { initialPostgres } from './migrations/0001-initial-postgres.js';
import { evidencePostgres } from './migrations/0002-evidence-postgres.js';
import { patiently, type Patience } from './patience.js';
import { PostgresDriver } from './postgres-driver.js';
import { postgresFacts } from './postgres-facts.js';
import { LEDGER_MARK } from './postgres-names.js';
import { postgresPlace } from './postgres-place.js';
import { openPool } from './postgres-pool.js';
import { CommitUnanswered, toldOf, Unreached } from './postgres-trouble.js';
import type { Tables } from './schema.js';
import type { Db } from './store.js';
import { WriteLane } from './write-lane.js';

/** A restart, or a fail-over to a standby, is over by then; heartbeats go on meanwhile. */
const PATIENCE: Patience = {
  forMs: 30_000,
  passes: (error) => error instanceof Unreached,
  pauseMs: (tries) => Math.random() * Math.min(2_000, 50 * 2 ** tries), // not in step with the others that wait
};

/** A person may be waiting who has mistyped the address. */
const OPENING: Patience = { ...PATIENCE, forMs: 5_000 };

/** Of those who wait for their turn to write, nothing has been sent yet. */
const forOthers = (error: unknown): Error | undefined =>
  error instanceof Unreached || error instanceof CommitUnanswered ? new Unreached(error.cause) : undefined;

/** Tables whose names somebody else may have taken before. */
const TABLES = [
  'ledger_migrations',
  'batches',
  'batch_jobs',
  'jobs',
  'attempts',
  'sessions',
  'effects',
  'receipts',
  'history',
] as const satisfies readonly (keyof Tables)[];

const AFTER: Readonly<Record<string, readonly string[]>> = {
  '0001-initial': initialPostgres,
  '0002-evidence': evidencePostgres,
};

/**
 * @param url `postgres://user:password@host:port/database?options=-csearch_path%3Dschema`
 * @param look nothing can be written: the server refuses it
 * @throws AdapterError `transient` when the server can't be reached, `auth` or `config` when it can't be used
 */
export async function openPostgres(url: string, { look = false } = {}): Promise<LedgerDialect> {
  const place = postgresPlace(url);
  const pool = openPool(url);
  const driver = new PostgresDriver(pool, { patience: PATIENCE, place }, look);
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => driver,
      createIntrospector: (introspected) => new PostgresIntrospector(introspected),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    // SQLite takes `in ()`, PostgreSQL does not.
    plugins: [new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })],
  });
  const told = (error: unknown): never => {
    throw toldOf(error, place);
  };
  try {
    await patiently(() => driver.check(), OPENING);
  } catch (error) {
    await pool.end();
    told(error);
  }

  const lane = new WriteLane();
  const readOnce = <T>(body: (db: Db) => Promise<T>): Promise<T> =>
    db.transaction().setAccessMode('read only').execute(body);
  return {
    name: 'postgres',
    db,
    write: (body) =>
      lane.run(() => patiently(() => writeOnce(db, driver, body), PATIENCE), forOthers).catch(told),
    read: (body) => patiently(() => readOnce(body), PATIENCE).catch(told),
    readOnce: (body) => readOnce(body).catch(told),
    schemaVersion: (within) => schemaVersion(within, place),
    migrations: {
      sequence: (column) => column.primaryKey().generatedAlwaysAsIdentity(),
      after: (migration) => AFTER[migration] ?? [],
    },
    facts: () => postgresFacts(db, place),
  };
}

/** @throws Unreached when nothing was changed, CommitUnanswered when that can't be found out */
async function writeOnce<T>(db: Db, driver: PostgresDriver, body: (db: Db) => Promise<T>): Promise<T> {
  let made: { readonly result: T } | undefined;
  try {
    return await db.transaction().execute(async (within) => {
      const result = await body(within);
      made = { result };
      return result;
    });
  } catch (error) {
    if (!(error instanceof CommitUnanswered) || made === undefined) throw error;
    if (await wasCommitted(driver, error)) return made.result;
    throw new Unreached(error.cause);
  }
}

async function wasCommitted(driver: PostgresDriver, unanswered: CommitUnanswered): Promise<boolean> {
  const { write } = unanswered;
  if (write === undefined) return false; // the first migration, which looks for itself when it is repeated
  try {
    return await patiently(() => driver.wasCommitted(write), PATIENCE);
  } catch (error) {
    throw error instanceof Unreached ? unanswered : error;
  }
}

/** A ledger has the tables that the first migration makes, and its mark on one of them. */
async function schemaVersion(db: Db, place: string): Promise<number> {
  const { rows } = await sql<{ name: string; mark: string | null }>`
    select relname as name, obj_description(oid, 'pg_class') as mark from pg_class
      where relnamespace = quote_ident(current_schema())::regnamespace and relname in (${sql.join(TABLES)})`.execute(
    db,
  );
  if (rows.length === 0) return 0;
  if (!rows.some(({ name, mark }) => name === 'ledger_migrations' && mark === LEDGER_MARK)) {
    throw new AdapterError(
      'config',
      `the schema has tables of another program [database=${place}, tables=${rows.map(({ name }) => name).join(', ')}]: ` +
        'give the ledger a schema of its own with "?options=-csearch_path%3DNAME"',
    );
  }
  const { version } = await db
    .selectFrom('ledger_migrations')
    .select((eb) => eb.fn.max('version').as('version'))
    .executeTakeFirstOrThrow();
  return version ?? 0;
}
