/**
 * Kysely over a pool of PostgreSQL connections.
 *  P1. A transaction that may write takes one advisory lock first, which all writers of the ledger share, until it has
 *      committed. So writers come one after another, as with SQLite: `history` grows in the order of commits, and
 *      neither deadlocks nor serialization failures come about. READ COMMITTED is enough under that lock.
 *  P2. A connection that broke is not used again, and a transaction never goes on upon another one.
 *  P3. A transaction that changed something also writes down its number among the writes of this process. When the
 *      answer to COMMIT is lost, `wasCommitted` finds the number or does not, and waits for P1's lock before it looks:
 *      then the transaction in question has ended, whatever became of its connection. A transaction ID would not do:
 *      after a crash of the server it may be given again.
 *  P4. Of a ledger that is opened to look, every transaction is a reading one: the server refuses what would write.
 */
import { randomUUID } from 'node:crypto';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely';
import type pg from 'pg';
import { patiently, type Patience } from './patience.js';
import { WRITER_LOCK, WRITERS_TABLE } from './postgres-names.js';
import { schemaLock, WRITER_IDLE_MS } from './postgres-pool.js';
import { CommitUnanswered, markStandby, markUnreached, toldOf, Unreached } from './postgres-trouble.js';

/** For queries outside transactions. Who begins a transaction also repeats it, and says what the trouble was. */
export interface Alone {
  readonly patience: Patience;
  /** Names the database to people. */
  readonly place: string;
}

const WRITE = `begin isolation level read committed read write;
  set local idle_in_transaction_session_timeout = ${WRITER_IDLE_MS}`;
const READ = 'begin isolation level repeatable read read only';

/** Rows of processes that ended; what they were for is over within a minute. */
const FORGET_WRITERS_AFTER = '1 day';

export class PostgresDriver implements Driver {
  readonly #pool: pg.Pool;
  readonly #alone: Alone;
  readonly #looks: boolean;
  readonly #writer = randomUUID();
  #writes = 0;

  constructor(pool: pg.Pool, alone: Alone, looks = false) {
    this.#pool = pool;
    this.#alone = alone;
    this.#looks = looks;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PostgresConnection> {
    return new PostgresConnection(this.#pool, this.#alone);
  }

  async releaseConnection(connection: PostgresConnection): Promise<void> {
    connection.release();
  }

  async beginTransaction(connection: PostgresConnection, settings: TransactionSettings): Promise<void> {
    connection.readsOnly = this.#looks || settings.accessMode === 'read only'; // P4
    if (connection.readsOnly) {
      await connection.begin(READ);
      return;
    }
    const [, , , noted] = await connection.begin(
      `${WRITE}; ${takeLock(await connection.schemaLock())};
        select to_regclass('${WRITERS_TABLE}') is not null as noted`,
    );
    // Absent only while the first migration makes it; that one finds out for itself what was done.
    connection.write = noted?.rows[0]?.noted === true ? ++this.#writes : undefined;
  }

  async commitTransaction(connection: PostgresConnection): Promise<void> {
    const { write, readsOnly } = connection;
    if (readsOnly) return connection.rollback(); // all has been read
    await connection.commit(write === undefined ? 'commit' : `${this.#note(write)}; commit`);
  }

  async rollbackTransaction(connection: PostgresConnection): Promise<void> {
    await connection.rollback();
  }

  async destroy(): Promise<void> {
    await this.#pool.end();
  }

  /** Connects once. @throws Unreached, or AdapterError when the database can't hold a ledger */
  async check(): Promise<void> {
    const connection = await this.acquireConnection();
    try {
      await connection.schemaLock();
    } finally {
      connection.release();
    }
  }

  /** @throws Unreached when nobody can be asked */
  async wasCommitted(write: number): Promise<boolean> {
    const connection = await this.acquireConnection();
    try {
      const results = await connection.begin(
        `${WRITE}; ${takeLock(await connection.schemaLock())};
          select from ${WRITERS_TABLE} where id = '${this.#writer}' and writes = ${write}`,
      );
      await connection.rollback();
      return results[3]?.rowCount === 1;
    } finally {
      connection.release();
    }
  }

  /** Nothing is noted of a transaction that changed nothing: its COMMIT costs no write, and repeating it no harm. */
  #note(write: number): string {
    const note = `insert into ${WRITERS_TABLE} as w (id, writes, written_at)
      select '${this.#writer}', ${write}, now() where pg_current_xact_id_if_assigned() is not null
      on conflict (id) do update set writes = excluded.writes, written_at = excluded.written_at`;
    if (write > 1) return note;
    return `${note}; delete from ${WRITERS_TABLE} where written_at < now() - interval '${FORGET_WRITERS_AFTER}'`;
  }
}

const takeLock = (schema: number): string => `select pg_advisory_xact_lock(${WRITER_LOCK}, ${schema})`;

/** Connects when it is first used, so that trouble in connecting is trouble of that use. */
export class PostgresConnection implements DatabaseConnection {
  /** Of the present transaction. */
  readsOnly = false;
  /** Number that the present transaction writes down, if any. */
  write: number | undefined;
  readonly #pool: pg.Pool;
  readonly #alone: Alone;
  #client: pg.PoolClient | undefined;
  #inTransaction = false;

  constructor(pool: pg.Pool, alone: Alone) {
    this.#pool = pool;
    this.#alone = alone;
  }

  /** Outside a transaction it can only read, and reading is repeated. @throws Unreached within one */
  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const values = parameters.map(storable);
    const query = () => this.#tried((client) => client.query<R & pg.QueryResultRow>(sql, values));
    const { rows, rowCount } = await (this.#inTransaction ? query() : this.#patiently(query));
    return { rows, numAffectedRows: BigInt(rowCount ?? 0) };
  }

  async schemaLock(): Promise<number> {
    return this.#tried((client) => Promise.resolve(schemaLock(client)));
  }

  /** @returns the result of each statement, the last one's alone where there is one. @throws Unreached */
  async begin(statements: string): Promise<readonly pg.QueryResult<Row>[]> {
    try {
      const results: unknown = await this.#tried((client) => client.query(statements));
      this.#inTransaction = true;
      return Array.isArray(results) ? (results as pg.QueryResult<Row>[]) : [];
    } catch (error) {
      this.#drop(); // it may have begun
      throw markStandby(error);
    }
  }

  /** @throws CommitUnanswered when only what was written down tells how it ended */
  async commit(statements: string): Promise<void> {
    try {
      await this.#tried((client) => client.query(statements));
      this.#inTransaction = false;
    } catch (error) {
      throw error instanceof Unreached ? new CommitUnanswered(this.write, error.cause) : error;
    }
  }

  /** What made it necessary is worth more than what goes wrong here. */
  async rollback(): Promise<void> {
    await this.#client?.query('rollback').catch(() => this.#drop());
    this.#inTransaction = false;
  }

  release(): void {
    this.#client?.release();
    this.#client = undefined;
  }

  // eslint-disable-next-line require-yield -- the interface asks for a generator
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('the ledger does not stream: it reads in pages');
  }

  async #patiently<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await patiently(query, this.#alone.patience);
    } catch (error) {
      throw toldOf(error, this.#alone.place);
    }
  }

  async #tried<T>(act: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    try {
      if (this.#client === undefined && this.#inTransaction) throw new Error('the connection was lost'); // P2
      this.#client ??= await this.#pool.connect();
      return await act(this.#client);
    } catch (error) {
      const trouble = markUnreached(error);
      if (trouble instanceof Unreached) this.#drop();
      throw trouble;
    }
  }

  #drop(): void {
    this.#client?.release(true); // P2
    this.#client = undefined;
  }
}

type Row = Readonly<Record<string, unknown>>;

/** PostgreSQL takes every character but U+0000. */
const storable = (value: unknown): unknown =>
  typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
