/** The SQL of the publisher. Names come from configuration and are quoted; every value is a parameter. */
import type { BodyRequest } from '../publisher.js';
import { quoted, quotedTable } from './identifiers.js';
import type { PostgresOptions } from './options.js';
import type { BodyType, TableShape } from './table.js';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What is read of a row of ours. */
export interface EffectRow {
  readonly revision: string | null;
  readonly marked_sha256: string | null;
  /** Of the body as the table holds it now; null where there is no body column. */
  readonly body_sha256: string | null;
  readonly fingerprint: string | null;
  readonly deleted: boolean;
}

/** How the hash of a body is asked for without moving the body. */
const HASH_OF: Readonly<Record<BodyType, (column: string) => string>> = {
  bytes: (column) => `encode(sha256(${column}), 'hex')`,
  text: (column) => `encode(sha256(convert_to(${column}::text, 'UTF8')), 'hex')`,
};

export function selectRow(options: PostgresOptions, shape: TableShape, effectKey: string): Statement {
  const { keyColumn, revisionColumn, hashColumn, fingerprintColumn } = options;
  const fields = [
    `${quoted(revisionColumn)}::text AS revision`,
    `${quoted(hashColumn)}::text AS marked_sha256`,
    `${bodyHash(options, shape) ?? 'NULL::text'} AS body_sha256`,
    `${fingerprintColumn === undefined ? 'NULL' : quoted(fingerprintColumn)}::text AS fingerprint`,
    `${isDeleted(options, shape)} AS deleted`,
  ];
  return {
    text: `SELECT ${fields.join(', ')} FROM ${quotedTable(shape.table)} WHERE ${quoted(keyColumn)} = $1`,
    values: [effectKey],
  };
}

/** One row comes back where it was put there; none where the key is taken. */
export function insertRow(options: PostgresOptions, shape: TableShape, request: BodyRequest): Statement {
  const cells: [string, unknown][] = [
    [options.keyColumn, request.effectKey],
    ...filled(options, shape, request),
  ];
  const names = cells.map(([name]) => quoted(name)).join(', ');
  const places = cells.map((_, at) => `$${at + 1}`).join(', ');
  const key = quoted(options.keyColumn);
  return {
    text: `INSERT INTO ${quotedTable(shape.table)} (${names}) VALUES (${places}) ON CONFLICT (${key}) DO NOTHING RETURNING 1`,
    values: cells.map(([, value]) => value),
  };
}

/**
 * Changes the row only while it has an older revision and the content that the receipt proves. One that we took back is
 * there again.
 */
export function updateRow(
  options: PostgresOptions,
  shape: TableShape,
  request: BodyRequest,
  beforeSha256: string,
): Statement {
  const cells = filled(options, shape, request);
  if (request.takenBack === true && options.deletedColumn !== undefined)
    cells.push([options.deletedColumn, shape.deletedType === 'boolean' ? false : null]);
  const sets = cells.map(([name], at) => `${quoted(name)} = $${at + 4}`).join(', ');
  const guards = [
    `${quoted(options.keyColumn)} = $1`,
    `${quoted(options.revisionColumn)} < $2`,
    `${contentHash(options, shape)} = $3`,
    ...(request.takenBack === true ? [] : [`NOT ${isDeleted(options, shape)}`]),
  ];
  return {
    text: `UPDATE ${quotedTable(shape.table)} SET ${sets} WHERE ${guards.join(' AND ')} RETURNING 1`,
    values: [request.effectKey, request.revision, beforeSha256, ...cells.map(([, value]) => value)],
  };
}

/** Deletes or marks the row only while it has the content that the receipt proves. */
export function undoRow(
  options: PostgresOptions,
  shape: TableShape,
  effectKey: string,
  sha256: string,
): Statement {
  const { unpublish, deletedColumn, keyColumn } = options;
  const table = quotedTable(shape.table);
  const guard = `${quoted(keyColumn)} = $1 AND ${contentHash(options, shape)} = $2`;
  const values = [effectKey, sha256];
  if (unpublish === 'delete' || deletedColumn === undefined)
    return { text: `DELETE FROM ${table} WHERE ${guard} RETURNING 1`, values };
  const mark = shape.deletedType === 'boolean' ? 'true' : 'now()';
  return {
    text: `UPDATE ${table} SET ${quoted(deletedColumn)} = ${mark} WHERE ${guard} AND NOT ${isDeleted(options, shape)} RETURNING 1`,
    values,
  };
}

/** Columns that both creation and update fill, in a fixed order. */
function filled(options: PostgresOptions, shape: TableShape, request: BodyRequest): [string, unknown][] {
  const { revisionColumn, hashColumn, fingerprintColumn, bodyColumn, columns } = options;
  const cells: [string, unknown][] = [
    [revisionColumn, request.revision],
    [hashColumn, request.sha256],
    ...Object.entries(columns),
  ];
  if (fingerprintColumn !== undefined) cells.push([fingerprintColumn, request.fingerprint]);
  if (bodyColumn !== undefined) {
    const body = Buffer.from(request.body);
    cells.push([bodyColumn, shape.bodyType === 'bytes' ? body : body.toString('utf8')]);
  }
  return cells;
}

const bodyHash = ({ bodyColumn }: PostgresOptions, { bodyType }: TableShape): string | undefined =>
  bodyColumn === undefined || bodyType === undefined ? undefined : HASH_OF[bodyType](quoted(bodyColumn));

const contentHash = (options: PostgresOptions, shape: TableShape): string =>
  bodyHash(options, shape) ?? `${quoted(options.hashColumn)}::text`;

function isDeleted({ deletedColumn }: PostgresOptions, { deletedType }: TableShape): string {
  if (deletedColumn === undefined) return 'false';
  const column = quoted(deletedColumn);
  return deletedType === 'boolean' ? `coalesce(${column}, false)` : `(${column} IS NOT NULL)`;
}
