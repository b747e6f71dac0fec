/**
 * Brings a backup of a ledger file into PostgreSQL, where nothing was written yet.
 *  I1. All of it or nothing: one transaction, and the ledger there is empty before it. Two ledgers are never mixed.
 *  I2. Rows come as they are, with their numbers in the history: triggers, which judge changes and write the history, are
 *      off meanwhile, and on again when it is committed.
 */
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type BetterSqlite3 from 'better-sqlite3';
import { sql } from 'kysely';
import { AdapterError } from '../contract/errors.js';
import { partialOf } from '../evidence/new-file.js';
import { openPostgres } from './dialect-postgres.js';
import { migrate } from './migrate.js';
import { postgresPlace } from './postgres-place.js';
import { assertCopy, preparedCopy, type Restored } from './restore.js';
import { createStore, type Db } from './store.js';

/** The protocol takes 65,535 values in one statement; no table has a hundred columns. */
const ROWS_PER_INSERT = 500;

/** A worker that looks at an empty ledger writes its public key there. */
const MAY_BE_FILLED: ReadonlySet<string> = new Set(['signing_keys']);

/**
 * @param url `postgres://…`
 * @param beside file of the state directory, beside which a copy lies meanwhile
 * @param by  who asks; kept in the restored ledger
 * @throws UsageError when there is no such file
 * @throws AdapterError `config` when it can't be restored, or the ledger in PostgreSQL is in use; nothing has changed
 */
export async function restoreIntoPostgres(
  url: string,
  from: string,
  by: string,
  beside: string,
): Promise<Restored> {
  const file = resolve(from);
  await assertCopy(file);
  const partial = partialOf(beside);
  try {
    const facts = await preparedCopy(file, partial, by);
    const { default: Sqlite } = await import('better-sqlite3');
    const source = new Sqlite(partial, { readonly: true });
    try {
      await copyInto(url, source);
    } finally {
      source.close();
    }
    return { from: file, ...facts, replaced: undefined, before: undefined };
  } finally {
    for (const end of ['', '-wal', '-shm']) await rm(`${partial}${end}`, { force: true });
  }
}

async function copyInto(url: string, source: BetterSqlite3.Database): Promise<void> {
  const dialect = await openPostgres(url);
  try {
    const store = createStore(dialect, () => new Date());
    await migrate(dialect, store);
    await store.write(async (db) => {
      const tables = tablesOf(source);
      await assertEmpty(db, tables, url);
      for (const table of tables) await sql`alter table ${sql.table(table)} disable trigger user`.execute(db);
      for (const table of tables) await copyTable(db, table, source);
      await goOnCounting(db, source);
      for (const table of tables) await sql`alter table ${sql.table(table)} enable trigger user`.execute(db);
    });
  } finally {
    await dialect.db.destroy();
  }
}

/** In the order in which they were made: one that is referred to comes before those that do. */
const tablesOf = (source: BetterSqlite3.Database): string[] =>
  (
    source
      .prepare(`select name from sqlite_master where type = 'table' order by rowid`)
      .pluck()
      .all() as string[]
  ).filter((name) => !name.startsWith('sqlite_') && name !== 'ledger_migrations');

async function assertEmpty(db: Db, tables: readonly string[], url: string): Promise<void> {
  for (const table of tables) {
    if (MAY_BE_FILLED.has(table)) continue;
    const { rows } = await sql`select 1 from ${sql.table(table)} limit 1`.execute(db);
    if (rows.length === 0) continue;
    throw new AdapterError(
      'config',
      `the ledger in PostgreSQL is in use already, and two ledgers can't be made one [database=${postgresPlace(url)}, ` +
        `table=${table}]: name an empty schema in NIGHTSHIFT_LEDGER, such as "…?options=-csearch_path%3DNAME"`,
    );
  }
}

async function copyTable(db: Db, table: string, source: BetterSqlite3.Database): Promise<void> {
  const columns = source.prepare('select name from pragma_table_info(?)').pluck().all(table) as string[];
  const names = sql.join(columns.map((name) => sql.ref(name)));
  const insert = async (rows: readonly (readonly unknown[])[]) => {
    const values = sql.join(rows.map((row) => sql`(${sql.join(row)})`));
    await sql`insert into ${sql.table(table)} (${names}) overriding system value values ${values}
      on conflict do nothing`.execute(db);
  };
  let page: unknown[][] = [];
  for (const row of source.prepare(`select * from "${table}" order by rowid`).raw().iterate()) {
    page.push(row as unknown[]);
    if (page.length < ROWS_PER_INSERT) continue;
    await insert(page);
    page = [];
  }
  if (page.length > 0) await insert(page);
}

/** A number that was given once is never given again. */
async function goOnCounting(db: Db, source: BetterSqlite3.Database): Promise<void> {
  const counted = source.prepare('select name, seq from sqlite_sequence').all() as {
    readonly name: string;
    readonly seq: number;
  }[];
  for (const { name, seq } of counted.filter((each) => each.seq > 0))
    await sql`select setval(pg_get_serial_sequence(${name}, 'seq'), ${seq})`.execute(db);
}
