import { sql, type RawBuilder, type SqlBool } from 'kysely';

/**
 * A session that failed before anything that costs money was sent: never begun, or only made ready and then surely
 * refused. One that was lost may have run unseen. Handles are written by `JSON.stringify`, without spaces.
 * @param table of sessions, or its alias
 */
export function neverRan(table: string): RawBuilder<SqlBool> {
  const [state, started, handle] = ['state', 'started_seq', 'handle'].map((name) =>
    sql.ref(`${table}.${name}`),
  );
  return sql<SqlBool>`(${state} = 'failed' and (${started} is null or ${handle} like '%"phase":"prepared"%'))`;
}
