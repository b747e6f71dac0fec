import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import type { ProbeFinding, PublisherContext } from '../publisher.js';
import { postgresError } from './errors.js';
import { quotedTable } from './identifiers.js';
import type { PostgresOptions } from './options.js';
import { poolOf } from './pools.js';
import { inspectTable } from './table.js';
import { inTransaction, type Query } from './transaction.js';

interface Rights {
  readonly standby: boolean;
  readonly can_insert: boolean;
  readonly can_select: boolean;
  readonly can_update: boolean;
  readonly can_delete: boolean;
  readonly row_security: boolean;
  readonly database: string;
}

/** Reads what the catalogue says of server, table and rights; in a read-only transaction, so nothing can change. */
export async function probeTable({
  options,
  table,
  context,
}: {
  readonly options: PostgresOptions;
  readonly table: string;
  readonly context: PublisherContext;
}): Promise<ProbeFinding[]> {
  const timeoutMs = durationMs(options.timeout);
  try {
    return await inTransaction(
      await poolOf(options),
      { timeoutMs, readOnly: true, signal: context.signal },
      async (query) => {
        await inspectTable(query, table, options);
        return findingsOf(await rightsOn(query, table), table, options);
      },
    );
  } catch (error) {
    return [{ status: 'fail', detail: failure(error, table) }];
  }
}

const failure = (error: unknown, table: string): string =>
  (error instanceof AdapterError ? error : postgresError(error, `probing ${quotedTable(table)}`)).message;

async function rightsOn(query: Query, table: string): Promise<Rights | undefined> {
  const [rights] = await query<Rights>({ text: RIGHTS, values: [quotedTable(table)] });
  return rights;
}

// Rights on every column count as rights on the table where a role has them column by column.
const RIGHTS = `
  SELECT pg_is_in_recovery() AS standby, has_any_column_privilege($1::regclass, 'INSERT') AS can_insert,
    has_any_column_privilege($1::regclass, 'SELECT') AS can_select,
    has_any_column_privilege($1::regclass, 'UPDATE') AS can_update,
    has_table_privilege($1::regclass, 'DELETE') AS can_delete,
    row_security_active($1::regclass) AS row_security, current_database()::text AS database`;

/** Pure. */
export function findingsOf(
  rights: Rights | undefined,
  table: string,
  options: PostgresOptions,
): ProbeFinding[] {
  const name = quotedTable(table);
  if (rights === undefined) return [{ status: 'fail', detail: `nothing is known of the rights on ${name}` }];
  const grant = (right: string) => ({ fix: `GRANT ${right} ON ${name} TO the user of with.url` });
  const findings: ProbeFinding[] = [
    {
      status: 'ok',
      detail: `${name} in database ${rights.database} has a unique index on "${options.keyColumn}"`,
    },
  ];
  if (rights.standby)
    findings.push({
      status: 'fail',
      detail: 'this server is a read-only standby',
      fix: 'name the primary in with.url',
    });
  if (!rights.can_insert)
    findings.push({ status: 'fail', detail: `this user can’t insert into ${name}`, ...grant('INSERT') });
  if (!rights.can_select)
    findings.push({ status: 'fail', detail: `this user can’t read ${name}`, ...grant('SELECT') });
  if (!rights.can_update)
    findings.push({
      status: 'warn',
      detail: `this user can’t update ${name}: higher revisions will fail`,
      ...grant('UPDATE'),
    });
  if (options.unpublish === 'delete' && !rights.can_delete)
    findings.push({
      status: 'warn',
      detail: `this user can’t delete from ${name}: nothing can be undone`,
      ...grant('DELETE'),
    });
  if (rights.row_security) {
    findings.push({
      status: 'warn',
      detail: `row-level security of ${name} applies to this user: rows that it can’t see are taken for absent`,
      fix: 'let its policies show this user every row that it inserts',
    });
  }
  return findings;
}
