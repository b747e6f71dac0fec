import type { Migration } from '../migrate.js';

/** The file that a batch was started from, for commands that start it again. Once released it is never edited. */
export const batchFile: Migration = {
  name: '0012-batch-file',
  async up(db) {
    await db.schema.alterTable('batches').addColumn('batch_file', 'text').execute();
  },
};
