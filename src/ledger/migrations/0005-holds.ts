import { sql, type ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

/** Pauses of a kind of work, a provider or everything; and how strict the pause of a batch is. Once released it is never edited. */
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
  },
};

const notNull = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull();
