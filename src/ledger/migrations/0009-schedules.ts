import type { Migration } from '../migrate.js';

/** Schedules as they were last applied: what tells, without an engine, which nights were due. Once released it is never edited. */
export const schedules: Migration = {
  name: '0009-schedules',
  async up(db) {
    await db.schema
      .createTable('schedules')
      .addColumn('name', 'text', (column) => column.primaryKey().notNull())
      .addColumn('batch_name', 'text', (column) => column.notNull())
      .addColumn('definition', 'text', (column) => column.notNull())
      .addColumn('channels', 'text', (column) => column.notNull())
      .addColumn('paused', 'integer', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .execute();
  },
};
