// The file of an embedded ledger: who may read it, how durable it is, and which files are refused.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { MIGRATIONS } from '../../src/ledger/migrate.js';
import { openLedger } from '../../src/ledger/open.js';
import { aLedger, BATCH, NOBODY, openBatch, temporaryFolder } from './ledger-fixture.js';

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
  expect(facts).toMatchObject({
    path,
    dialect: 'sqlite',
    schemaVersion: String(MIGRATIONS.length),
    problems: [],
  });
  expect(facts.settings).toMatchObject({
    journal_mode: 'wal',
    synchronous: '2',
    foreign_keys: '1',
    busy_timeout: '5',
    quick_check: 'ok',
  });
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

test('while another process holds the lock, writing waits and the event loop goes on', async () => {
  const { ledger, path } = await aLedger();
  await openBatch(ledger, ['one']);
  const holder = await holderOfLock(path);

  let written = false;
  const writing = ledger.setBatchState(BATCH, 'paused', NOBODY).then(() => (written = true));
  let turns = 0;
  const heartbeats = setInterval(() => turns++, 5);
  onTestFinished(() => clearInterval(heartbeats));
  while (turns < 20) await new Promise((resolve) => setTimeout(resolve, 5)); // in vain, were the loop blocked
  expect(written).toBe(false);

  holder.stdin.write('let go');
  await writing;
  expect((await ledger.batch(BATCH))?.state).toBe('paused');
});

async function holderOfLock(path: string) {
  const driver = createRequire(import.meta.url).resolve('better-sqlite3');
  const script = `
    const database = new (require(process.argv[1]))(process.argv[2]);
    database.exec('begin immediate');
    process.stdout.write('held');
    process.stdin.once('data', () => { database.exec('commit'); process.exit(0); });`;
  const child = spawn(process.execPath, ['-e', script, driver, path], { stdio: 'pipe' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}
