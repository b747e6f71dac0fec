import type { JsonObject } from '../../contract/json.js';
import { Database } from './database.js';

/** One thing that a fake service keeps, such as an invoice. */
export interface Stored {
  readonly id: string;
  readonly effectKey: string;
  readonly atMs: number;
  readonly doc: JsonObject;
}

/** What the fake services keep: objects, effects, and what was told for a key. */
export class Store extends Database {
  put(collection: string, id: string, effectKey: string, doc: JsonObject): void {
    this.run(
      `insert into objects (collection, id, effect_key, at_ms, doc) values (?, ?, ?, ?, ?)
       on conflict (collection, id) do update set doc = excluded.doc`,
      collection,
      id,
      effectKey,
      this.nowMs(),
      JSON.stringify(doc),
    );
  }

  get(collection: string, id: string): Stored | undefined {
    const row = this.row<ObjectRow>('select * from objects where collection = ? and id = ?', collection, id);
    return row && stored(row);
  }

  remove(collection: string, id: string): void {
    this.run('delete from objects where collection = ? and id = ?', collection, id);
  }

  /** Newest first. */
  list(collection: string): Stored[] {
    return this.rows<ObjectRow>(
      'select * from objects where collection = ? order by seq desc',
      collection,
    ).map(stored);
  }

  /** Notes that something became visible outside: what tests count. */
  effect(effectKey: string, objectId: string): void {
    this.run(
      'insert into effects (effect_key, object_id, at_ms) values (?, ?, ?)',
      effectKey,
      objectId,
      this.nowMs(),
    );
  }

  /** How many effects each key has had, ever: one that was taken back still counts. */
  effects(): Record<string, number> {
    const rows = this.rows<{ key: string; count: number }>(
      'select effect_key as key, count(*) as count from effects group by effect_key order by effect_key',
    );
    return Object.fromEntries(rows.map(({ key, count }) => [key, count]));
  }

  remember(surface: string, key: string, fingerprint: string, answer: JsonObject): void {
    this.run(
      'insert or replace into keys values (?, ?, ?, ?, ?)',
      surface,
      key,
      fingerprint,
      this.nowMs(),
      JSON.stringify(answer),
    );
  }

  /** What a key was first used for, unless that is longer ago than the window. */
  remembered(
    surface: string,
    key: string,
    windowMs: number,
  ): { readonly fingerprint: string; readonly answer: JsonObject } | undefined {
    const row = this.row<{ fingerprint: string; at_ms: number; answer: string }>(
      'select fingerprint, at_ms, answer from keys where surface = ? and key = ?',
      surface,
      key,
    );
    if (!row || row.at_ms + windowMs <= this.nowMs()) return undefined;
    return { fingerprint: row.fingerprint, answer: JSON.parse(row.answer) as JsonObject };
  }
}

interface ObjectRow {
  readonly id: string;
  readonly effect_key: string;
  readonly at_ms: number;
  readonly doc: string;
}

const stored = ({ id, effect_key: effectKey, at_ms: atMs, doc }: ObjectRow): Stored => ({
  id,
  effectKey,
  atMs,
  doc: JSON.parse(doc) as JsonObject,
});
