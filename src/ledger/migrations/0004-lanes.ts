import type { Migration } from '../migrate.js';

/** Lanes: what all processes share of one account at one service. Once released it is never edited. */
export const lanes: Migration = {
  name: '0004-lanes',
  async up(db, parts) {
    await db.schema
      .createTable('lanes')
      .addColumn('lane', 'text', (column) => column.primaryKey().notNull())
      .addColumn('label', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .execute();

    // Sessions that hold a place; whoever does not renew it in time has given it back.
    await db.schema
      .createTable('lane_places')
      .addColumn('lane', 'text', (column) => column.notNull())
      .addColumn('holder', 'text', (column) => column.notNull())
      .addColumn('batch_id', 'text', (column) => column.notNull())
      .addColumn('tokens', 'integer', (column) => column.notNull())
      .addColumn('taken_at', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('lane_places_key', ['lane', 'holder'])
      .execute();

    await db.schema
      .createTable('lane_notes')
      .addColumn('seq', 'integer', (column) => parts.sequence(column))
      .addColumn('at', 'text', (column) => column.notNull())
      .addColumn('lane', 'text', (column) => column.notNull())
      .addColumn('what', 'text', (column) => column.notNull())
      .addColumn('cause', 'text')
      .addColumn('why', 'text', (column) => column.notNull())
      .addColumn('retry_at', 'text')
      .execute();
  },
};
