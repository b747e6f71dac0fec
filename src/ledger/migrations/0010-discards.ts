import { sql, type ColumnDefinitionBuilder } from 'kysely';
import type { Migration } from '../migrate.js';

/** Jobs that a person has decided not to do. Once released it is never edited. */
export const discards: Migration = {
  name: '0010-discards',
  async up(db, parts) {
    await db.schema
      .createTable('discards')
      .addColumn('seq', 'integer', (column) => parts.sequence(column))
      .addColumn('work', 'text', notNull)
      .addColumn('job_key', 'text', notNull)
      .addColumn('revision', 'integer', notNull)
      .addColumn('reason', 'text', notNull)
      .addColumn('discarded_at', 'text', notNull)
      .addColumn('discarded_by', 'text', notNull)
      .addColumn('undone_at', 'text')
      .addColumn('undone_by', 'text')
      .execute();
    // One at a time of each job; those taken back stay as a record.
    await db.schema
      .createIndex('discards_on')
      .unique()
      .on('discards')
      .columns(['work', 'job_key'])
      .where(sql<boolean>`undone_at is null`)
      .execute();
  },
};

const notNull = (column: ColumnDefinitionBuilder): ColumnDefinitionBuilder => column.notNull();
