import type { Migration } from '../migrate.js';

/** Nights: what came of each time that a schedule was due. Once released it is never edited. */
export const scheduledNights: Migration = {
  name: '0008-scheduled-nights',
  async up(db, parts) {
    await db.schema
      .createTable('scheduled_nights')
      .addColumn('seq', 'integer', (column) => parts.sequence(column))
      .addColumn('at', 'text', (column) => column.notNull())
      .addColumn('schedule', 'text', (column) => column.notNull())
      .addColumn('night', 'text', (column) => column.notNull())
      .addColumn('due_at', 'text', (column) => column.notNull())
      .addColumn('edition', 'text', (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull())
      .addColumn('why', 'text', (column) => column.notNull())
      .addColumn('requested_by', 'text', (column) => column.notNull())
      .addColumn('batch_id', 'text')
      .addColumn('run_id', 'text', (column) => column.notNull())
      // An Activity that is tried again says the same again.
      .addUniqueConstraint('scheduled_nights_once', ['schedule', 'night', 'run_id', 'outcome'])
      .execute();
  },
};
