import type { Migration } from '../migrate.js';

/** The definition that a batch was last asked to start with. Once released it is never edited. */
export const askedDefinition: Migration = {
  name: '0011-asked-definition',
  async up(db) {
    await db.schema.alterTable('batches').addColumn('asked_definition', 'text').execute();
  },
};
