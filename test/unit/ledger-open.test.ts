// Opening: where the file lies, how durable it is, and what happens to files of other schemas.
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { expect, test } from 'vitest';
import { openSqlite } from '../../src/ledger/dialect-sqlite.js';
import { migrate, MIGRATIONS, type Migration } from '../../src/ledger/migrate.js';
import { openLedger } from '../../src/ledger/open.js';
import { createStore } from '../../src/ledger/store.js';
import { aLedger, claimed, openBatch, rawConnection, temporaryFolder } from './ledger-fixture.js';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('a new ledger and its folders are for its owner only', async () => {
  const folder = join(temporaryFolder(), 'state', 'deep');
  const { ledger, path } = await aLedger(join(folder, 'ledger.db'));
  await openBatch(ledger, ['one']);

  expect(modeOf(join(folder, '..'))).toBe('700');
  expect(modeOf(folder)).toBe('700');
  expect([path, `${path}-wal`, `${path}-shm`].map(modeOf)).toEqual(['600', '600', '600']);
});

test('a ledger that others could read is made private when it is opened', async () => {
  const { ledger, path } = await aLedger();
  await ledger.close();
  chmodSync(path, 0o644);

  await aLedger(path);

  expect(modeOf(path)).toBe('600');
});

test('each connection is durable, also one to a file that exists already', async () => {
  const { ledger: first, path } = await aLedger();
  await first.close();
  const { ledger } = await aLedger(path);

  const facts = await ledger.inspect();
  expect(facts).toMatchObject({ path, dialect: 'sqlite', schemaVersion: '1', problems: [] });
  expect(facts.settings).toMatchObject({
    journal_mode: 'wal',
    synchronous: '2',
    foreign_keys: '1',
    busy_timeout: '5000',
    quick_check: 'ok',
  });
});

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
  const raw = new BetterSqlite3(path);
  raw.prepare('insert into ledger_migrations values (2, ?, ?)').run('0002-future', '2099-01-01');
  raw.close();

  await expect(openLedger({ path })).rejects.toMatchObject({
    errorClass: 'config',
    message: expect.stringMatching(/newer nightshift \[schema=2, known here up to 1\]/) as string,
  });
});

const addNotes: Migration = {
  name: '0002-notes',
  async up(db) {
    await db.schema.alterTable('batches').addColumn('notes', 'text').execute();
  },
};

test('an older ledger is brought up to date and keeps its rows', async () => {
  const { ledger, path } = await aLedger();
  await openBatch(ledger, ['one']);
  await ledger.close();

  const dialect = await openSqlite(path);
  const store = createStore(dialect.db, () => new Date());
  await migrate(dialect, store, [...MIGRATIONS, addNotes]);
  await migrate(dialect, store, [...MIGRATIONS, addNotes]); // nothing left to do
  await dialect.db.destroy();

  const raw = rawConnection(path);
  expect(raw.prepare('select id, notes from batches').all()).toEqual([
    { id: 'batch:nightly:1', notes: null },
  ]);
  expect(raw.prepare('select version, name from ledger_migrations').all()).toEqual([
    { version: 1, name: '0001-initial' },
    { version: 2, name: '0002-notes' },
  ]);
});

test('a migration that fails leaves the ledger in its old version', async () => {
  const { ledger, path } = await aLedger();
  await ledger.close();
  const broken: Migration = {
    name: '0003-broken',
    async up(db) {
      await db.schema.createTable('half').addColumn('a', 'text').execute();
      throw new Error('power cut');
    },
  };

  const dialect = await openSqlite(path);
  const store = createStore(dialect.db, () => new Date());
  await expect(migrate(dialect, store, [...MIGRATIONS, addNotes, broken])).rejects.toThrow('power cut');
  await dialect.db.destroy();

  const { ledger: again } = await aLedger(path);
  expect((await again.inspect()).schemaVersion).toBe('1');
});

test('files that are no ledger are refused with a way out', async () => {
  const folder = temporaryFolder();
  const text = join(folder, 'notes.txt');
  writeFileSync(text, 'buy milk, '.repeat(100));
  const other = join(folder, 'other.db');
  const raw = new BetterSqlite3(other);
  raw.exec('create table milk (litres)');
  raw.close();
  mkdirSync(join(folder, 'a-folder'));

  const config = { errorClass: 'config' };
  await expect(openLedger({ path: text })).rejects.toMatchObject(config);
  await expect(openLedger({ path: other })).rejects.toMatchObject(config);
  await expect(openLedger({ path: other })).rejects.toThrow(/another program/);
  await expect(openLedger({ path: join(folder, 'a-folder') })).rejects.toMatchObject(config);
  await expect(openLedger({ path: join(text, 'ledger.db') })).rejects.toMatchObject(config);
});

test('times come from the clock that is given', async () => {
  const path = join(temporaryFolder(), 'ledger.db');
  const ledger = await openLedger({ path, now: () => new Date('2026-02-03T04:05:06.789Z') });
  await openBatch(ledger, ['one']);
  const batch = await ledger.latestBatch('nightly');
  await ledger.close();

  expect(batch?.openedAt).toBe('2026-02-03T04:05:06.789Z');
});
