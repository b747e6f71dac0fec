// A ledger that is opened to look: it tells what is there, and the database itself refuses to change anything.
import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { MIGRATIONS } from '../../src/ledger/migrate.js';
import { openLedgerToLook } from '../../src/ledger/open.js';
import {
  aLedger,
  aPlace,
  BATCH,
  claimed,
  claimRequest,
  landed,
  openBatch,
  onPostgres,
  placeOf,
  rawSql,
  stateOf,
} from './ledger-fixture.js';

async function looking(path: string) {
  const ledger = await openLedgerToLook(placeOf(path));
  onTestFinished(() => ledger.close());
  return ledger;
}

test('every writing call is refused, what it would have changed stays, and reading goes on', async () => {
  const { ledger, path } = await aLedger();
  await openBatch(ledger, ['one', 'two']);
  await claimed(ledger, 'one');
  await landed(ledger, 'one');
  const look = await looking(path);
  const before = [await ledger.head(), await look.counts(BATCH, 0)];

  const refused = /read.?only|query_only/i; // SQLite and PostgreSQL each in their own words
  await expect(look.claimJob(claimRequest('two'))).rejects.toThrow(refused);
  await expect(landed(look, 'two')).rejects.toThrow(refused);
  await expect(openBatch(look, ['three'], { id: 'batch:nightly:2' })).rejects.toThrow(refused);

  expect([await ledger.head(), await look.counts(BATCH, 0)]).toEqual(before);
  expect(await stateOf(look, 'one')).toBe('done');
});

test('what is written meanwhile by others is seen', async () => {
  const { ledger, path } = await aLedger();
  await openBatch(ledger, ['one']);
  const look = await looking(path);
  await claimed(ledger, 'one');
  expect(await stateOf(look, 'one')).toBe('running');
});

test('where no ledger is, an empty one is told of and none is made', async () => {
  const path = await aPlace();
  const look = await looking(path);
  expect(await look.batches(10)).toEqual([]);
  if (onPostgres()) expect(await rawSql(path)(TABLES_HERE)).toEqual([]);
  else expect(existsSync(path)).toBe(false);
});

const TABLES_HERE = `select relname from pg_class where relnamespace = quote_ident(current_schema())::regnamespace`;

test('one of an older release is not brought up to date by looking', async () => {
  const { path } = await aLedger();
  const raw = rawSql(path);
  await raw('delete from ledger_migrations where version = ?', MIGRATIONS.length);
  const versions = async () => (await raw('select max(version) as version from ledger_migrations'))[0];
  // In a file a copy is read, which an old table may not suffer; a server's is refused.
  if (onPostgres()) await expect(looking(path)).rejects.toThrow(/older release/);
  else await looking(path).catch(() => undefined);
  expect(await versions()).toEqual({ version: MIGRATIONS.length - 1 });
});
