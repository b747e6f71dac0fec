import type { Pool } from 'pg';
import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import {
  definePublisher,
  type BodyRequest,
  type EffectRequest,
  type FoundEffect,
  type Publisher,
  type PublisherContext,
  type PublisherSetup,
} from '../publisher.js';
import { isLostCommit, postgresError, violatedConstraint } from './errors.js';
import { quotedTable, tableFault } from './identifiers.js';
import { postgresOptionsSchema, type PostgresOptions } from './options.js';
import { poolOf } from './pools.js';
import { probeTable } from './probe.js';
import { assertStorable, judgeRow } from './standing.js';
import { insertRow, selectRow, undoRow, updateRow, type EffectRow } from './statements.js';
import { inspectTable, type TableShape } from './table.js';
import { inTransaction, type Query } from './transaction.js';

/**
 * Rows of a PostgreSQL table. Class 1: the unique index on the key column takes one row for each effect, for ever.
 *
 *  P1. A row is inserted or changed in one transaction; before its COMMIT leaves, nothing can have landed.
 *  P2. Without a unique index on the key alone nothing is sent.
 *  P3. A row whose content is not what its hash column says was changed by somebody, and is not touched.
 *
 * A late transaction of a try that was given up does no harm: the index makes the next one wait for it.
 */
export const postgres = definePublisher<PostgresOptions>({
  name: 'postgres',
  version: '1',
  handling: ['url', 'unpublish', 'deletedColumn', 'timeout'],
  options: postgresOptionsSchema,
  create: (setup) => postgresPublisher(setup),
});

export function postgresPublisher({
  options,
  target,
}: Pick<PublisherSetup<PostgresOptions>, 'options' | 'target'>): Publisher {
  const table = options.table ?? target;
  const fault = tableFault(table);
  if (fault !== undefined)
    throw new AdapterError('config', `table ${JSON.stringify(table)} ${fault}`, { sent: 'no' });

  const transact = async <T>(
    { signal }: PublisherContext,
    readOnly: boolean,
    work: (query: Query, shape: TableShape) => Promise<T>,
  ): Promise<T> => {
    if (signal.aborted)
      throw new AdapterError('transient', 'stopped before anything was sent', { sent: 'no' });
    const pool = await poolOf(options);
    return inTransaction(pool, { timeoutMs: durationMs(options.timeout), readOnly, signal }, async (query) =>
      work(query, await shapeOf(pool, query, table, options)),
    );
  };

  const read = async (query: Query, shape: TableShape, request: EffectRequest): Promise<FoundEffect> => {
    const [row] = await query<EffectRow>(selectRow(options, shape, request.effectKey));
    return judgeRow(row, request, table, options);
  };

  const look = (request: EffectRequest, context: PublisherContext): Promise<FoundEffect> =>
    transact(context, true, (query, shape) => read(query, shape, request));

  /** An unclear COMMIT is looked up at once; where that fails too, or sees nothing yet, it stays unclear. */
  const settled = async (
    request: BodyRequest,
    context: PublisherContext,
    write: () => Promise<FoundEffect>,
  ): Promise<FoundEffect> => {
    try {
      return await write();
    } catch (error) {
      if (!isLostCommit(error)) throw error;
      const found = await look(request, context).catch(() => undefined);
      if (found?.kind === 'ours' && found.placed.revision === request.revision) return found;
      throw error;
    }
  };

  return {
    facts: {
      name: 'postgres',
      class: 1,
      lookup: 'exact',
      settleMs: 0,
      unpublish: options.unpublish === 'mark' ? 'hide' : 'delete',
    },

    lookup: look,

    async create(request, context) {
      try {
        return await settled(request, context, () =>
          transact(context, false, async (query, shape) => {
            assertStorable(request, options, shape);
            const made = await query(insertRow(options, shape, request));
            const found = await read(query, shape, request);
            if (found.kind === 'absent' || (made.length > 0 && found.kind !== 'ours'))
              throw distorted(table, found);
            return found;
          }),
        );
      } catch (error) {
        const constraint = violatedConstraint(error);
        if (constraint === undefined) throw error;
        return {
          kind: 'theirs',
          location: quotedTable(table),
          why: `another row has what must be unique (${constraint})`,
        };
      }
    },

    update: (request, before, context) =>
      settled(request, context, () =>
        transact(context, false, async (query, shape) => {
          assertStorable(request, options, shape);
          const changed = await query(updateRow(options, shape, request, before.sha256));
          const found = await read(query, shape, request);
          if (changed.length > 0 && found.kind !== 'ours') throw distorted(table, found);
          return changed.length > 0 ? found : notUpdated(found, request, table);
        }),
      ),

    unpublish: (request, receipt, context) =>
      transact(context, false, async (query, shape) => {
        const undone = await query(undoRow(options, shape, request.effectKey, receipt.sha256));
        if (undone.length > 0) return;
        const found = await read(query, shape, request);
        if (found.kind === 'absent' || found.kind === 'removed') return;
        throw new AdapterError(
          'conflict',
          `row ${request.effectKey} of ${quotedTable(table)} was changed since revision ${receipt.revision} landed; it was left as it is`,
          { sent: 'rejected' },
        );
      }),

    probe: (context) => probeTable({ options, table, context }),

    classify: (error, during) => postgresError(error, `${during} in ${quotedTable(table)}`),
  };
}

/** The shape of a table is read once for each pool and configuration; a changed table shows as an error of SQL. */
const shapes = new WeakMap<Pool, Map<string, TableShape>>();

async function shapeOf(
  pool: Pool,
  query: Query,
  table: string,
  options: PostgresOptions,
): Promise<TableShape> {
  const known = shapes.get(pool) ?? new Map<string, TableShape>();
  shapes.set(pool, known);
  const { keyColumn, revisionColumn, hashColumn, fingerprintColumn, bodyColumn, deletedColumn, columns } =
    options;
  const key = JSON.stringify([
    ...[table, keyColumn, revisionColumn, hashColumn, fingerprintColumn, bodyColumn, deletedColumn],
    ...Object.keys(columns),
  ]);
  const shape = known.get(key) ?? (await inspectTable(query, table, options));
  known.set(key, shape);
  return shape;
}

/** Thrown inside the transaction, which takes back what it wrote. */
const distorted = (table: string, found: FoundEffect): AdapterError =>
  new AdapterError(
    'config',
    found.kind === 'absent'
      ? `a row of ours in ${quotedTable(table)} can’t be read back; its row-level security must show this user its own rows`
      : `${quotedTable(table)} does not keep what is written (a trigger?); rows must be stored as they are sent`,
    { sent: 'rejected' },
  );

/** The guards of the update did not hold: somebody was there first, or the receipt is of other content. */
function notUpdated(found: FoundEffect, { revision }: BodyRequest, table: string): FoundEffect {
  if (found.kind !== 'ours' || found.placed.revision === revision) return found;
  const why =
    (found.placed.revision ?? 0) > revision
      ? `has revision ${found.placed.revision ?? 0}, this is ${revision}`
      : 'is not what the receipt says';
  return { kind: 'theirs', location: quotedTable(table), why };
}
