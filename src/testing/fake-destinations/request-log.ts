import type { JsonObject } from '../../contract/json.js';
import type { Database } from './database.js';

/** A request as the log keeps it. */
export interface LoggedRequest {
  /** From 1, in the order of arrival. */
  readonly n: number;
  readonly at: string;
  readonly surface: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly effectKey: string;
  /** Without credentials. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The fault that was played, if one was. */
  readonly fault: string | undefined;
  /** Absent where no answer was sent. */
  readonly status: number | undefined;
  readonly outcome: string;
}

/** Every request that came, and the faults that are to be played. */
export class RequestLog {
  constructor(private readonly database: Database) {}

  add(request: Omit<LoggedRequest, 'n' | 'status' | 'outcome' | 'at'> & { readonly call: string }): number {
    const { surface, method, path, call, effectKey, headers, body, fault } = request;
    const { lastInsertRowid } = this.database.run(
      `insert into requests (at, surface, method, path, call, effect_key, headers, body, fault, outcome)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'no answer')`,
      new Date(this.database.nowMs()).toISOString(),
      surface,
      method,
      path,
      call,
      effectKey,
      JSON.stringify(headers),
      body,
      fault ?? null,
    );
    return Number(lastInsertRowid);
  }

  answered(n: number, status: number | undefined, outcome: string): void {
    this.database.run('update requests set status = ?, outcome = ? where n = ?', status ?? null, outcome, n);
  }

  /** How often this call was made for this key before. */
  callsBefore(effectKey: string, call: string): number {
    const row = this.database.row<{ count: number }>(
      'select count(*) as count from requests where effect_key = ? and call = ?',
      effectKey,
      call,
    );
    return row?.count ?? 0;
  }

  requests(): LoggedRequest[] {
    return this.database.rows<RequestRow>('select * from requests order by n').map((row) => ({
      n: row.n,
      at: row.at,
      surface: row.surface,
      method: row.method,
      path: row.path,
      effectKey: row.effect_key,
      headers: JSON.parse(row.headers) as Record<string, string>,
      body: row.body,
      fault: row.fault ?? undefined,
      status: row.status ?? undefined,
      outcome: row.outcome,
    }));
  }

  addFault(rule: JsonObject, times: number | undefined): number {
    const { lastInsertRowid } = this.database.run(
      'insert into faults (rule, times_left) values (?, ?)',
      JSON.stringify(rule),
      times ?? null,
    );
    return Number(lastInsertRowid);
  }

  /** Faults that may still be played, oldest first. */
  faults(): { readonly id: number; readonly rule: unknown }[] {
    return this.database
      .rows<{ id: number; rule: string }>(
        'select id, rule from faults where times_left is null or times_left > 0 order by id',
      )
      .map(({ id, rule }) => ({ id, rule: JSON.parse(rule) as unknown }));
  }

  usedFault(id: number): void {
    this.database.run(
      'update faults set times_left = times_left - 1 where id = ? and times_left is not null',
      id,
    );
  }
}

interface RequestRow {
  readonly n: number;
  readonly at: string;
  readonly surface: string;
  readonly method: string;
  readonly path: string;
  readonly effect_key: string;
  readonly headers: string;
  readonly body: string;
  readonly fault: string | null;
  readonly status: number | null;
  readonly outcome: string;
}
