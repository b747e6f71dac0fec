import { sql, type RawBuilder, type SqlBool } from 'kysely';

/**
 * Whether a session is of that batch: of the one that goes on with it, else of the one that began it. Not as a coalesce:
 * that no index covers.
 * @param table of sessions, or its alias
 */
export function isOfBatch(table: string, batchId: string): RawBuilder<SqlBool> {
  const [attached, begun] = [sql.ref(`${table}.attached_batch_id`), sql.ref(`${table}.batch_id`)];
  return sql<SqlBool>`(${attached} = ${batchId} or (${attached} is null and ${begun} = ${batchId}))`;
}
