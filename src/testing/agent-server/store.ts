/**
 * Everything that the server knows, in one SQLite file.
 *  S1. What a request changes, and the request itself, are one transaction, committed before the reply leaves:
 *      whatever was answered is still there after a SIGKILL.
 *  S2. WAL with `synchronous = FULL`; better-sqlite3 opens a WAL file as NORMAL otherwise.
 */
import BetterSqlite3 from 'better-sqlite3';

const SCHEMA = `
  create table if not exists meta (key text primary key, value text not null) strict, without rowid;
  create table if not exists things (
    kind text not null, id text not null, seq integer not null, parent text not null, body text not null,
    primary key (kind, id)) strict, without rowid;
  create index if not exists things_by_parent on things (kind, parent, seq);
  create table if not exists blobs (
    owner text not null, path text not null, bytes blob not null, at integer not null,
    primary key (owner, path)) strict, without rowid;
  create table if not exists counters (key text primary key, n integer not null) strict, without rowid;
  create table if not exists requests (seq integer primary key, line text not null) strict;
`;

/** The log is for tests and for looking; a long night must not fill a disk with it. */
const REQUESTS_KEPT = 100_000;

export interface StoredBlob {
  readonly path: string;
  readonly bytes: Buffer;
  /** Service time. */
  readonly at: number;
}

export class Store {
  readonly #database: BetterSqlite3.Database;
  readonly #statements = new Map<string, BetterSqlite3.Statement>();

  /** @param file made where absent; in memory when not given */
  constructor(file?: string) {
    this.#database = new BetterSqlite3(file ?? ':memory:');
    try {
      this.#database.pragma('journal_mode = WAL');
      this.#database.pragma('synchronous = FULL');
      this.#database.exec(SCHEMA);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** All or nothing, durable when it returns. */
  transaction<T>(act: () => T): T {
    return this.#database.transaction(act).immediate();
  }

  meta<T>(key: string): T | undefined {
    return parsed<T>(this.prepared('select value as body from meta where key = ?').get(key));
  }

  setMeta(key: string, value: unknown): void {
    this.prepared('insert or replace into meta values (?, ?)').run(key, JSON.stringify(value));
  }

  get<T>(kind: string, id: string): T | undefined {
    return parsed<T>(this.prepared('select body from things where kind = ? and id = ?').get(kind, id));
  }

  /** Oldest first. */
  list<T>(kind: string, parent?: string): T[] {
    const rows =
      parent === undefined
        ? this.prepared('select body from things where kind = ? order by seq').all(kind)
        : this.prepared('select body from things where kind = ? and parent = ? order by seq').all(
            kind,
            parent,
          );
    return rows.flatMap((row) => parsed<T>(row) ?? []);
  }

  /** Replaces a thing of that id, which keeps its place in lists. */
  put(kind: string, id: string, body: unknown, parent = ''): void {
    this.prepared(
      `insert into things values (?, ?, ?, ?, ?)
       on conflict (kind, id) do update set body = excluded.body, parent = excluded.parent`,
    ).run(kind, id, this.next('things'), parent, JSON.stringify(body));
  }

  remove(kind: string, id: string): void {
    this.prepared('delete from things where kind = ? and id = ?').run(kind, id);
  }

  blobs(owner: string): StoredBlob[] {
    const rows = this.prepared('select path, bytes, at from blobs where owner = ? order by path').all(owner);
    return rows as StoredBlob[];
  }

  putBlob(owner: string, { path, bytes, at }: StoredBlob): void {
    this.prepared('insert or replace into blobs values (?, ?, ?, ?)').run(owner, path, bytes, at);
  }

  removeBlobs(owner: string): void {
    this.prepared('delete from blobs where owner = ?').run(owner);
  }

  /** Counts one more, from 1. */
  next(counter: string): number {
    const row = this.prepared(
      'insert into counters values (?, 1) on conflict (key) do update set n = n + 1 returning n',
    ).get(counter);
    return (row as { n: number }).n;
  }

  count(counter: string): number {
    const row = this.prepared('select n from counters where key = ?').get(counter);
    return (row as { n: number } | undefined)?.n ?? 0;
  }

  /** @returns its number, from 1 */
  log(line: unknown): number {
    const { lastInsertRowid } = this.prepared('insert into requests (line) values (?)').run(
      JSON.stringify(line),
    );
    const seq = Number(lastInsertRowid);
    if (seq % 1000 === 0) this.prepared('delete from requests where seq <= ?').run(seq - REQUESTS_KEPT);
    return seq;
  }

  logged<T>(): T[] {
    const rows = this.prepared('select line as body from requests order by seq').all();
    return rows.flatMap((row) => parsed<T>(row) ?? []);
  }

  /** Forgets everything but `meta`. */
  clear(): void {
    this.#database.exec('delete from things; delete from blobs; delete from counters; delete from requests;');
  }

  close(): void {
    this.#database.close();
  }

  private prepared(sql: string): BetterSqlite3.Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const made = this.#database.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}

/** What is read here was written here. */
const parsed = <T>(row: unknown): T | undefined =>
  row === undefined ? undefined : (JSON.parse((row as { body: string }).body) as T);
