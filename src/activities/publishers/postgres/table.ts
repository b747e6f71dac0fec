import { AdapterError } from '../../../contract/errors.js';
import { quotedTable } from './identifiers.js';
import { ownColumns, type PostgresOptions } from './options.js';
import type { Query } from './transaction.js';

/** How a body column holds the artifact byte for byte; other types, such as jsonb, write it anew. */
export type BodyType = 'bytes' | 'text';

/** What the catalogue says of the table, as far as the publisher needs it. */
export interface TableShape {
  /** As configured. */
  readonly table: string;
  readonly bodyType: BodyType | undefined;
  readonly deletedType: 'boolean' | 'other';
}

interface ColumnRow {
  readonly name: string;
  readonly type: string;
}

const BODY_TYPES: Readonly<Record<string, BodyType>> = {
  bytea: 'bytes',
  text: 'text',
  'character varying': 'text',
  json: 'text',
};
const WHOLE_NUMBERS: ReadonlySet<string> = new Set(['smallint', 'integer', 'bigint', 'numeric']);

/**
 * Reads the table's shape and refuses one that can't keep effects single: without a unique index on the key alone,
 * `ON CONFLICT` has nothing to hold on to.
 * @throws AdapterError `config` that says what to create
 */
export async function inspectTable(
  query: Query,
  table: string,
  options: PostgresOptions,
): Promise<TableShape> {
  const [found] = await query<{ oid: string | null }>({
    text: 'SELECT to_regclass($1)::oid::text AS oid',
    values: [quotedTable(table)],
  });
  const oid = found?.oid ?? undefined;
  if (oid === undefined) {
    throw refuse(
      `there is no table ${quotedTable(table)} that this user can see; names are taken as they are spelt`,
    );
  }
  const columns = new Map(
    (await query<ColumnRow>({ text: COLUMNS, values: [oid] })).map(({ name, type }) => [name, type]),
  );
  assertColumns(table, columns, options);
  if ((await query({ text: UNIQUE_INDEX, values: [oid, options.keyColumn] })).length === 0) {
    throw refuse(
      `${quotedTable(table)} has no unique index on "${options.keyColumn}" alone, so two workers could both insert; ` +
        `create one: CREATE UNIQUE INDEX ON ${quotedTable(table)} ("${options.keyColumn}")`,
    );
  }
  const { bodyColumn, deletedColumn } = options;
  return {
    table,
    bodyType: bodyColumn === undefined ? undefined : BODY_TYPES[columns.get(bodyColumn) ?? ''],
    deletedType:
      deletedColumn !== undefined && columns.get(deletedColumn) === 'boolean' ? 'boolean' : 'other',
  };
}

const COLUMNS = `
  SELECT attname::text AS name, format_type(atttypid, NULL) AS type
  FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped`;

// A partial index guards some rows only, a deferrable one only at commit, one that is being built not yet.
const UNIQUE_INDEX = `
  SELECT 1
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
  WHERE i.indrelid = $1::oid AND a.attname = $2
    AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indisready
    AND i.indnkeyatts = 1 AND i.indpred IS NULL AND i.indexprs IS NULL`;

function assertColumns(table: string, columns: ReadonlyMap<string, string>, options: PostgresOptions): void {
  const missing = [...ownColumns(options), ...Object.keys(options.columns)].filter(
    (name) => !columns.has(name),
  );
  if (missing.length > 0) {
    const list = missing.map((name) => `"${name}"`).join(', ');
    throw refuse(`${quotedTable(table)} has no column ${list}; add it, or name another in the batch file`);
  }
  const type = columns.get(options.revisionColumn) ?? '';
  if (!WHOLE_NUMBERS.has(type)) {
    throw refuse(
      `"${options.revisionColumn}" of ${quotedTable(table)} is ${type}; revisions need integer or bigint`,
    );
  }
}

const refuse = (why: string) => new AdapterError('config', `${why} [use=postgres]`, { sent: 'no' });
