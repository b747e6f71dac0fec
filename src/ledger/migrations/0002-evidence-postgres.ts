import { never } from './plpgsql.js';

/** What PostgreSQL itself refuses, as in the first migration: `requests` and `signing_keys` only grow. */
export const evidencePostgres: readonly string[] = [
  'alter table requests alter column seq type bigint', // `integer` ends at 2 billion here, not in SQLite
  ...never('requests', ['update', 'delete']),
  ...never('signing_keys', ['update', 'delete']),
];
