// Opening: what a ledger still knows, how it comes up to date, and which ones are refused.
import { expect, test } from 'vitest';
import type { LedgerDialect } from '../../src/ledger/dialect.js';
import { openPostgres } from '../../src/ledger/dialect-postgres.js';
import { openSqlite } from '../../src/ledger/dialect-sqlite.js';
import { migrate, MIGRATIONS, type Migration } from '../../src/ledger/migrate.js';
import { openLedger } from '../../src/ledger/open.js';
import { createStore } from '../../src/ledger/store.js';
import { aLedger, aPlace, claimed, onPostgres, openBatch, placeOf, rawSql, by } from './ledger-fixture.js';

const NEWEST = MIGRATIONS.length;

const openDialect = (path: string): Promise<LedgerDialect> =>
  onPostgres() ? openPostgres(path) : openSqlite(path);

test('what a closed ledger knew is there when it is opened again', async () => {
  const { ledger: first, path } = await aLedger();
  await openBatch(first, ['one']);
  await claimed(first, 'one');
  const head = await first.head();
  await first.close();

  const { ledger } = await aLedger(path);
  expect(await ledger.head()).toBe(head);
  expect((await claimed(ledger, 'one')).fence).toBe(2);
});

test('a ledger of a newer release is refused and stays as it is', async () => {
  const { ledger, path } = await aLedger();
  await ledger.close();
  const raw = rawSql(path);
  await raw(`insert into ledger_migrations values (${NEWEST + 1}, 'future', '2099-01-01')`);

  await expect(openLedger(placeOf(path))).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringContaining(
      `newer nightshift [schema=${NEWEST + 1}, known here up to ${NEWEST}]`,
    ) as string,
  });
});

const addNotes: Migration = {
  name: 'notes',
  async up(db) {
    await db.schema.alterTable('batches').addColumn('notes', 'text').execute();
  },
};

test('an older ledger is brought up to date and keeps its rows', async () => {
  const { ledger, path } = await aLedger();
  await openBatch(ledger, ['one']);
  await ledger.close();

  const dialect = await openDialect(path);
  const store = createStore(dialect, () => new Date());
  await migrate(dialect, store, [...MIGRATIONS, addNotes]);
  await migrate(dialect, store, [...MIGRATIONS, addNotes]); // nothing left to do
  await dialect.db.destroy();

  const raw = rawSql(path);
  expect(await raw('select id, notes from batches')).toEqual([{ id: 'batch:nightly:1', notes: null }]);
  expect(await raw('select version, name from ledger_migrations order by version')).toEqual(
    [...MIGRATIONS, addNotes].map(({ name }, index) => ({ version: index + 1, name })),
  );
});

test('a ledger of each earlier release is brought up to date', async () => {
  for (let released = 1; released < NEWEST; released++) {
    const path = await aPlace();
    const dialect = await openDialect(path);
    const store = createStore(dialect, () => new Date());
    await migrate(dialect, store, MIGRATIONS.slice(0, released));
    await dialect.db.destroy();

    const { ledger } = await aLedger(path);
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
    expect(await ledger.inspect()).toMatchObject({ schemaVersion: String(NEWEST), problems: [] });
  }
});

test('a migration that fails leaves the ledger in its old version', async () => {
  const { ledger, path } = await aLedger();
  await ledger.close();
  const broken: Migration = {
    name: 'broken',
    async up(db) {
      await db.schema.createTable('half').addColumn('a', 'text').execute();
      throw new Error('power cut');
    },
  };

  const dialect = await openDialect(path);
  const store = createStore(dialect, () => new Date());
  await expect(migrate(dialect, store, [...MIGRATIONS, addNotes, broken])).rejects.toThrow('power cut');
  await dialect.db.destroy();

  const { ledger: again } = await aLedger(path);
  expect((await again.inspect()).schemaVersion).toBe(String(NEWEST));
});

test('of many that open a fresh place at once, one makes the tables and all can write', async () => {
  const path = await aPlace();
  const ledgers = await Promise.all(Array.from({ length: 6 }, () => aLedger(path)));
  const claims = await Promise.all(
    ledgers.map(({ ledger }, index) => claimed(ledger, 'one', { by: { ...by(), runId: `run-${index}` } })),
  );
  expect(claims.map(({ fence }) => fence).sort()).toEqual([1, 2, 3, 4, 5, 6]);
  expect(claims.filter(({ fresh }) => fresh)).toHaveLength(1);
});

test('times come from the clock that is given', async () => {
  const now = () => new Date('2026-02-03T04:05:06.789Z');
  const ledger = await openLedger({ ...placeOf(await aPlace()), now });
  await openBatch(ledger, ['one']);
  const batch = await ledger.latestBatch('nightly');
  await ledger.close();

  expect(batch?.openedAt).toBe('2026-02-03T04:05:06.789Z');
});
