import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import BetterSqlite3 from 'better-sqlite3';

const SCHEMA = `
  create table if not exists meta (name text primary key, value text not null);
  create table if not exists requests (
    n integer primary key, at text not null, surface text not null, method text not null, path text not null,
    call text not null, effect_key text not null, headers text not null, body text not null,
    fault text, status integer, outcome text not null
  );
  create index if not exists requests_of_call on requests (effect_key, call);
  create table if not exists faults (id integer primary key, rule text not null, times_left integer);
  create table if not exists keys (
    surface text not null, key text not null, fingerprint text not null, at_ms integer not null,
    answer text not null, primary key (surface, key)
  );
  create table if not exists objects (
    seq integer primary key, collection text not null, id text not null, effect_key text not null,
    at_ms integer not null, doc text not null, unique (collection, id)
  );
  create table if not exists effects (seq integer primary key, effect_key text not null, object_id text not null, at_ms integer not null);
`;

/**
 * The one file behind the fake services. Every write is synced before the call returns, so a reply is only sent for
 * what survives a kill.
 */
export class Database {
  readonly seed: string;
  readonly #sqlite: BetterSqlite3.Database;

  /** @param file `:memory:` keeps nothing; a new file takes the seed, an old one has its own */
  constructor(file: string, seed: string) {
    const isNew = file === ':memory:' || !existsSync(file);
    this.#sqlite = new BetterSqlite3(file);
    this.#sqlite.pragma('journal_mode = WAL');
    this.#sqlite.pragma('synchronous = FULL');
    this.#sqlite.exec(SCHEMA);
    if (isNew) this.setMeta('seed', seed);
    this.seed = this.meta('seed') ?? seed;
  }

  close(): void {
    this.#sqlite.close();
  }

  /** All or nothing. */
  atomically<T>(act: () => T): T {
    return this.#sqlite.transaction(act).immediate();
  }

  run(sql: string, ...values: readonly (string | number | null)[]): BetterSqlite3.RunResult {
    return this.#sqlite.prepare(sql).run(...values);
  }

  row<Row>(sql: string, ...values: readonly (string | number)[]): Row | undefined {
    return this.#sqlite.prepare(sql).get(...values) as Row | undefined;
  }

  rows<Row>(sql: string, ...values: readonly (string | number)[]): Row[] {
    return this.#sqlite.prepare(sql).all(...values) as Row[];
  }

  meta(name: string): string | undefined {
    return this.row<{ value: string }>('select value from meta where name = ?', name)?.value;
  }

  setMeta(name: string, value: string): void {
    const upsert = 'insert into meta values (?, ?) on conflict (name) do update set value = excluded.value';
    this.run(upsert, name, value);
  }

  /** Milliseconds since 1970 by the fake clock, which is the real one moved forward. */
  nowMs(): number {
    return Date.now() + Number(this.meta('clock') ?? 0);
  }

  advance(ms: number): void {
    this.setMeta('clock', String(Number(this.meta('clock') ?? 0) + ms));
  }

  /** Counts up; the same after a kill. */
  next(counter: string): number {
    const value = Number(this.meta(`next:${counter}`) ?? 0) + 1;
    this.setMeta(`next:${counter}`, String(value));
    return value;
  }

  /** Between 0 and 1, decided by seed and arguments alone. */
  chance(...of: readonly (string | number)[]): number {
    const hash = createHash('sha256')
      .update([this.seed, ...of].join('\0'))
      .digest();
    return hash.readUIntBE(0, 6) / 2 ** 48;
  }

  reset(): void {
    this.atomically(() => {
      for (const table of ['requests', 'faults', 'keys', 'objects', 'effects'])
        this.run(`delete from ${table}`);
      this.run(`delete from meta where name not in ('seed', 'settings')`);
    });
  }
}
