import { sql } from 'kysely';
import { AdapterError } from '../contract/errors.js';
import type { LedgerDialect, MigrationParts } from './dialect.js';
import { initial } from './migrations/0001-initial.js';
import { evidence } from './migrations/0002-evidence.js';
import { costs } from './migrations/0003-costs.js';
import { lanes } from './migrations/0004-lanes.js';
import { holds } from './migrations/0005-holds.js';
import { acknowledged } from './migrations/0006-acknowledged.js';
import { alerts } from './migrations/0007-alerts.js';
import { scheduledNights } from './migrations/0008-scheduled-nights.js';
import { schedules } from './migrations/0009-schedules.js';
import { discards } from './migrations/0010-discards.js';
import { askedDefinition } from './migrations/0011-asked-definition.js';
import { batchFile } from './migrations/0012-batch-file.js';
import type { Db, Store } from './store.js';

export interface Migration {
  readonly name: string;
  /** Runs in the transaction that also records it; must touch nothing but the database. */
  up(db: Db, parts: MigrationParts): Promise<void>;
}

/** In order; the schema version is the number of migrations applied. */
export const MIGRATIONS: readonly Migration[] = [
  initial,
  evidence,
  costs,
  lanes,
  holds,
  acknowledged,
  alerts,
  scheduledNights,
  schedules,
  discards,
  askedDefinition,
  batchFile,
];

/**
 * Brings the schema up to date: all missing migrations in one transaction, so the file is always of one version.
 * Costs one read when there is nothing to do. Of many processes at once, the first does the work and the others
 * find it done when they get the write lock.
 * @throws AdapterError `config` when a newer release wrote this ledger
 */
export async function migrate(
  dialect: LedgerDialect,
  store: Store,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  if ((await versionOf(store.db, dialect, migrations.length)) === migrations.length) return;
  await store.write(async (db) => {
    const version = await versionOf(db, dialect, migrations.length); // again: another process may have been first
    if (version === 0) await createMigrationsTable(db);
    for (const [index, migration] of migrations.entries()) {
      if (index < version) continue;
      await migration.up(db, dialect.migrations);
      for (const statement of dialect.migrations.after(migration.name)) await sql.raw(statement).execute(db);
      await db
        .insertInto('ledger_migrations')
        .values({ version: index + 1, name: migration.name, applied_at: store.now() })
        .execute();
    }
  });
}

async function versionOf(db: Db, dialect: LedgerDialect, newest: number): Promise<number> {
  const version = await dialect.schemaVersion(db);
  if (version > newest) {
    throw new AdapterError(
      'config',
      `the ledger was written by a newer nightshift [schema=${version}, known here up to ${newest}]: update ` +
        'nightshift on this machine, or name another state directory',
    );
  }
  return version;
}

async function createMigrationsTable(db: Db): Promise<void> {
  await db.schema
    .createTable('ledger_migrations')
    .addColumn('version', 'integer', (column) => column.primaryKey().notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('applied_at', 'text', (column) => column.notNull())
    .execute();
}
