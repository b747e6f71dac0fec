import { sql } from 'kysely';
import type { ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

/**
 * Evidence: who asked for what, receipts that are signed, effects that undo others, answers that people gave.
 * Once released it is never edited.
 */
export const evidence: Migration = {
  name: '0002-evidence',
  async up(db, parts) {
    await db.schema
      .createTable('requests')
      .addColumn('seq', 'integer', (column) => parts.sequence(column))
      .addColumn('at', 'text', notNull)
      .addColumn('requested_by', 'text', notNull)
      .addColumn('what', 'text', notNull)
      .addColumn('outcome', 'text', notNull)
      .addColumn('reason', 'text')
      .addColumn('batch_id', 'text')
      .addColumn('batch_name', 'text')
      .addColumn('batch_key', 'text')
      .addColumn('work', 'text')
      .addColumn('job_key', 'text')
      .addColumn('run_id', 'text')
      .execute();
    await db.schema.createIndex('requests_batch').on('requests').columns(['batch_key', 'seq']).execute();
    await db.schema.createIndex('requests_job').on('requests').columns(['work', 'job_key', 'seq']).execute();

    // Public halves of all keys that ever signed here: a receipt outlives the key that signed it.
    await db.schema
      .createTable('signing_keys')
      .addColumn('key_id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('public_key', 'text', notNull)
      .addColumn('first_used_at', 'text', notNull)
      .execute();

    await db.schema.alterTable('receipts').addColumn('signature', 'text').execute();
    await db.schema.alterTable('receipts').addColumn('signed_by', 'text').execute();
    await db.schema.alterTable('receipts').addColumn('decided_by', 'text').execute();

    // All receipts in the order of their writing, page by page.
    await db.schema
      .createIndex('receipts_recorded')
      .on('receipts')
      .columns(['recorded_seq', 'effect_key', 'revision'])
      .execute();

    await db.schema.alterTable('effects').addColumn('last_sent_at', 'text').execute();
    await db.schema.alterTable('effects').addColumn('undoes', 'text').execute();
    await db.schema
      .createIndex('effects_undoes')
      .on('effects')
      .column('undoes')
      .where('undoes', 'is not', null)
      .execute();
    // The last sending was at some time up to the last change of the row; who waits for it to settle needs the latest.
    await db
      .updateTable('effects')
      .set({ last_sent_at: sql<string>`updated_at` })
      .where('first_sent_at', 'is not', null)
      .execute();
  },
};

const notNull = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull();
