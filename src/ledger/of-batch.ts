import { sql, type RawBuilder, type SqlBool } from 'kysely';

/**
 * Whether a session is of that batch: of the one that goes on with it, else of the one that began it. Spelt out, for no
 * index knows the one column or the other.
 * @param table of sessions, or its alias
 */
export function isOfBatch(table: string, batchId: string): RawBuilder<SqlBool> {
  const [attached, begun] = [sql.ref(`${table}.attached_batch_id`), sql.ref(`${table}.batch_id`)];
  return sql<SqlBool>`(${attached} = ${batchId} or (${attached} is null and ${begun} = ${batchId}))`;
}
