// Trouble with the file of an embedded ledger: whose it is, and that work goes on when it is over.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { openSqlite } from '../../src/ledger/dialect-sqlite.js';
import { openLedger } from '../../src/ledger/open.js';
import { createSqlLedger } from '../../src/ledger/sql-ledger.js';
import { toldOf } from '../../src/ledger/sqlite-trouble.js';
import { WriteWatch } from '../../src/write-watch.js';
import { filled, hasSmallDisks, smallDisk } from '../support/small-disk.js';
import { BATCH, NOBODY, openBatch, temporaryFolder } from './ledger-fixture.js';

const manySlugs = (count: number) => Array.from({ length: count }, (_, at) => `article-${at}`);

/** A ledger whose connection can be told what to refuse. */
async function aTellable() {
  const path = join(temporaryFolder(), 'ledger.db');
  const dialect = await openSqlite(path);
  const ledger = await createSqlLedger(dialect, () => new Date());
  onTestFinished(() => ledger.close());
  const pragma = (text: string) => sql.raw(`pragma ${text}`).execute(dialect.db);
  return { path, ledger, pragma };
}

test('a ledger that can’t grow says so, and takes the same write when there is room', async () => {
  const { path, ledger, pragma } = await aTellable();
  await pragma('max_page_count = 1'); // as small as it is
  await expect(openBatch(ledger, manySlugs(2000))).rejects.toMatchObject({
    errorClass: 'transient',
    facts: { ours: 'ledger', code: 'SQLITE_FULL' },
    message: `the ledger can't be written [path=${path}]: database or disk is full (SQLITE_FULL); free some room there; jobs that wait for it go on by themselves`,
  });
  await pragma('max_page_count = 1000000');
  await openBatch(ledger, manySlugs(2000));
  expect(await ledger.counts(BATCH, 0)).toMatchObject({ jobs: 2000 });
});

test('a ledger that may not be written is for a person to see to', async () => {
  const { ledger, pragma } = await aTellable();
  await pragma('query_only = on');
  await expect(ledger.setBatchState(BATCH, 'paused', NOBODY)).rejects.toMatchObject({
    errorClass: 'config',
    facts: { ours: 'ledger', code: 'SQLITE_READONLY' },
  });
});

test.each([
  ['SQLITE_BUSY', 'transient'],
  ['SQLITE_BUSY_RECOVERY', 'transient'],
  ['SQLITE_LOCKED', 'transient'],
  ['SQLITE_FULL', 'transient'],
  ['SQLITE_IOERR_FSYNC', 'transient'],
  ['SQLITE_READONLY_DBMOVED', 'config'],
  ['SQLITE_CANTOPEN', 'config'],
  ['SQLITE_CORRUPT', 'config'],
])('%s is %s, and no job is to blame', (code, errorClass) => {
  const told = toldOf(Object.assign(new Error('what SQLite says'), { code }), '/state/ledger.db');
  expect(told).toMatchObject({ errorClass, facts: { ours: 'ledger', code } });
});

test('what SQL says of a statement stays a bug of ours', () => {
  const error = Object.assign(new Error('UNIQUE constraint failed'), { code: 'SQLITE_CONSTRAINT_UNIQUE' });
  expect(toldOf(error, '/state/ledger.db')).toBe(error);
});

test.skipIf(!hasSmallDisks())('on a disk that is full, and has room again, nothing is lost', async () => {
  const disk = smallDisk(8);
  const path = join(disk, 'state', 'ledger.db');
  const told: string[] = [];
  const ledger = await openLedger({ path, writes: new WriteWatch((why) => told.push(why)) });
  onTestFinished(() => ledger.close());
  await openBatch(ledger, ['before']);
  const fill = filled(disk);

  for (let times = 0; times < 3; times++) {
    await expect(openBatch(ledger, manySlugs(2000))).rejects.toMatchObject({
      errorClass: 'transient',
      facts: { ours: 'ledger' },
    });
  }
  expect(await ledger.counts(BATCH, 0)).toMatchObject({ jobs: 1 }); // what is there can be read
  expect(told).toEqual([expect.stringContaining(`the ledger can't be written [path=${path}]`)]); // not each time

  rmSync(fill);
  await openBatch(ledger, manySlugs(2000));
  expect(await ledger.counts(BATCH, 0)).toMatchObject({ jobs: 2000 });
});
