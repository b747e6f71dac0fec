import { sql, type ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

/** Pauses of a kind of work, a provider or everything; how strict the pause of a batch is; and approvals. Once released it is never edited. */
export const holds: Migration = {
  name: '0005-holds',
  async up(db, parts) {
    await db.schema
      .createTable('holds')
      .addColumn('seq', 'integer', (column) => parts.sequence(column))
      .addColumn('scope', 'text', notNull)
      .addColumn('subject', 'text', notNull)
      .addColumn('level', 'text', notNull)
      .addColumn('held_by', 'text', notNull)
      .addColumn('reason', 'text')
      .addColumn('since', 'text', notNull)
      .addColumn('lifted_at', 'text')
      .addColumn('lifted_by', 'text')
      .execute();
    // One at a time of each scope; the lifted ones stay as a record.
    await db.schema
      .createIndex('holds_on')
      .unique()
      .on('holds')
      .columns(['scope', 'subject'])
      .where(sql<boolean>`lifted_at is null`)
      .execute();
    await db.schema.alterTable('batches').addColumn('pause_level', 'text').execute();

    await db.schema
      .createTable('approvals')
      .addColumn('effect_key', 'text', notNull)
      .addColumn('request_sha256', 'text', notNull)
      .addColumn('work', 'text', notNull)
      .addColumn('job_key', 'text', notNull)
      .addColumn('name', 'text', notNull)
      .addColumn('target', 'text', notNull)
      .addColumn('use', 'text', notNull)
      .addColumn('revision', 'integer', notNull)
      .addColumn('artifact_sha256', 'text', notNull)
      .addColumn('batch_id', 'text', notNull)
      .addColumn('state', 'text', notNull)
      .addColumn('asked_at', 'text', notNull)
      .addColumn('due_at', 'text')
      .addColumn('on_timeout', 'text', notNull)
      .addColumn('decided_at', 'text')
      .addColumn('decided_by', 'text')
      .addColumn('reason', 'text')
      .addPrimaryKeyConstraint('approvals_key', ['effect_key', 'request_sha256'])
      .execute();
    await db.schema.createIndex('approvals_state').on('approvals').columns(['state', 'asked_at']).execute();
  },
};

const notNull = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull();
