/** `nsht` in ASCII: tells a ledger from any other SQLite file before anything of it is read. */
export const APPLICATION_ID = 0x6e736874;

/**
 * What SQLite itself refuses, as in the first migration: `requests` and `signing_keys` only grow. INSERT OR REPLACE
 * runs no DELETE trigger, so it is refused by itself.
 */
export const evidenceSqlite: readonly string[] = [
  `pragma application_id = ${APPLICATION_ID}`,
  ...growsOnly('requests', 'seq'),
  ...growsOnly('signing_keys', 'key_id'),
];

function growsOnly(table: string, key: string): readonly string[] {
  return [
    `create trigger ${table}_no_update before update on ${table}
      begin select raise(abort, '${table}: update is not allowed'); end`,
    `create trigger ${table}_no_delete before delete on ${table}
      begin select raise(abort, '${table}: delete is not allowed'); end`,
    `create trigger ${table}_not_replaced before insert on ${table}
      when exists (select 1 from ${table} where ${key} = new.${key})
      begin select raise(abort, '${table}: this row exists already'); end`,
  ];
}
