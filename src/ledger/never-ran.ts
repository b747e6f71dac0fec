import { sql, type RawBuilder, type SqlBool } from 'kysely';

/**
 * A session that failed, or was cancelled, before anything that costs money was sent: never begun, or only made ready. It
 * is no session of any figure. One that was lost may have run unseen, and one that cost something has run.
 * Handles are written by `JSON.stringify`, without spaces.
 * @param table of sessions, or its alias
 */
export function neverRan(table: string): RawBuilder<SqlBool> {
  const [state, started, handle, cost] = ['state', 'started_seq', 'handle', 'cost_micros'].map((name) =>
    sql.ref(`${table}.${name}`),
  );
  return sql<SqlBool>`(${state} in ('failed', 'cancelled') and ${cost} = 0 and (${started} is null or ${handle} like '%"phase":"prepared"%'))`;
}

/** A session that was only made ready, and then refused, has cost nothing. */
export const isPrepared = (handle: string | null): boolean =>
  handle !== null && (JSON.parse(handle) as { readonly phase?: string } | null)?.phase === 'prepared';

/** The same as `neverRan`, of a row at hand: its start was answered, or may have been carried out. */
export const hasRun = ({
  started_seq,
  handle,
}: {
  readonly started_seq: number | null;
  readonly handle: string | null;
}): boolean => started_seq !== null && !isPrepared(handle);

/** 1 of a session whose start got no answer, also where it is noted as sent; else 0. */
export function unanswered(table: string): RawBuilder<number> {
  const [started, handle] = ['started_seq', 'handle'].map((name) => sql.ref(`${table}.${name}`));
  return sql<number>`(case when ${started} is null or ${handle} like '%"phase":"start-sent"%' then 1 else 0 end)`;
}

/** An ended session that ran, and of which nobody said what it cost: it counts as nothing, which is not what it cost. */
export function costUnknown(table: string): RawBuilder<SqlBool> {
  const [source, cost, ended] = ['cost_source', 'cost_micros', 'ended_at'].map((name) =>
    sql.ref(`${table}.${name}`),
  );
  return sql<SqlBool>`(${ended} is not null and coalesce(${source}, 'none') = 'none' and ${cost} = 0 and not ${neverRan(table)})`;
}

/** How many of them. */
export const countCostUnknown = (table: string): RawBuilder<number | null> =>
  sql<number | null>`sum(case when ${costUnknown(table)} then 1 else 0 end)`;
