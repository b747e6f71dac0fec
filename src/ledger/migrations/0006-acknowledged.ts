import type { Migration } from '../migrate.js';

/**
 * What a destination itself has said of an effect before its receipt was written: that it is there, and as what.
 * Once released it is never edited.
 */
export const acknowledged: Migration = {
  name: '0006-acknowledged',
  async up(db) {
    for (const column of ['acknowledged_at', 'acknowledged_id', 'acknowledged_url']) {
      await db.schema.alterTable('effects').addColumn(column, 'text').execute();
    }
  },
};
