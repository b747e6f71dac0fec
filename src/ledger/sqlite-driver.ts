/**
 * Kysely over one better-sqlite3 connection. Not Kysely's own driver, for three reasons:
 *  D1. A transaction that may write begins IMMEDIATE. Begun deferred, one that reads first and then writes fails
 *      at once with SQLITE_BUSY_SNAPSHOT, which no busy timeout helps against.
 *  D2. Calls queue fairly for the one connection: a transaction is never interleaved with another call.
 *  D3. Statements stay prepared; preparing costs more than most of our queries.
 *  D4. Trouble with the file is no `bug`: it comes out as an AdapterError that says whose it is.
 */
import type BetterSqlite3 from 'better-sqlite3';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely';
import { patiently } from './patience.js';
import { toldOf } from './sqlite-trouble.js';

/** Above the number of different queries there are; a bound only because lists of keys vary in length. */
const STATEMENTS_MAX = 200;

/** For a lock that another process holds. Each try blocks the event loop for the busy timeout at most. */
const BUSY_PATIENCE_MS = 35_000;

/** True for every SQLITE_BUSY: somebody else holds the lock that was needed. */
export const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY');

/** Tries again while another process holds the lock, and leaves the event loop to others between tries. */
export const whileBusy = <T>(act: () => T): Promise<T> =>
  patiently(act, {
    forMs: BUSY_PATIENCE_MS,
    passes: isBusy,
    pauseMs: () => 2 + Math.random() * 20, // not in step with the others that wait
  });

export class SqliteDriver implements Driver {
  readonly #database: BetterSqlite3.Database;
  readonly #connection: SqliteConnection;
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  /** @param path names the file to people */
  constructor(database: BetterSqlite3.Database, path: string) {
    this.#database = database;
    this.#connection = new SqliteConnection(database, path);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#taken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#taken = true;
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next(); // stays taken: nobody may slip in before the one that waited longest
  }

  async beginTransaction(_connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    const begin = settings.accessMode === 'read only' ? 'begin deferred' : 'begin immediate';
    await this.#connection.told(() => whileBusy(() => this.#connection.run(begin)));
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.told(() => this.#connection.run('commit'));
  }

  async rollbackTransaction(): Promise<void> {
    // Some errors (disk full, I/O) make SQLite roll back by itself; a second rollback would hide them.
    if (this.#database.inTransaction) this.#connection.run('rollback');
  }

  async destroy(): Promise<void> {
    this.#database.close();
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: BetterSqlite3.Database;
  readonly #path: string;
  readonly #statements = new Map<string, BetterSqlite3.Statement>();

  constructor(database: BetterSqlite3.Database, path: string) {
    this.#database = database;
    this.#path = path;
  }

  run(sql: string): void {
    this.#prepared(sql).run();
  }

  /** D4 */
  async told<T>(act: () => T | Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw toldOf(error, this.#path);
    }
  }

  executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    return this.told(() => {
      const statement = this.#prepared(sql);
      const execute = (): QueryResult<R> => {
        if (statement.reader) return { rows: statement.all(...parameters) as R[] };
        return { numAffectedRows: BigInt(statement.run(...parameters).changes), rows: [] };
      };
      // A transaction that writes has its lock already. Reading may meet a process that is closing or recovering.
      return this.#database.inTransaction && !statement.reader ? execute() : whileBusy(execute);
    });
  }

  // eslint-disable-next-line require-yield -- the interface asks for a generator
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('the ledger does not stream: a long read would keep the WAL from being checkpointed');
  }

  #prepared(sql: string): BetterSqlite3.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    const [oldest] = this.#statements.keys();
    if (this.#statements.size >= STATEMENTS_MAX && oldest !== undefined) this.#statements.delete(oldest);
    this.#statements.set(sql, statement);
    return statement;
  }
}
