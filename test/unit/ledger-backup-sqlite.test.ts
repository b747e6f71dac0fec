// Backup and restore of a ledger file: of what, when it is refused, and what is there after every kind of end.
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { backUp, restore } from '../../src/client/backup.js';
import { UsageError } from '../../src/contract/errors.js';
import { tryExclusiveLock } from '../../src/engine/index.js';
import { backupSqlite } from '../../src/ledger/backup.js';
import { openSqlite } from '../../src/ledger/dialect-sqlite.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { migrate, MIGRATIONS } from '../../src/ledger/migrate.js';
import { openLedger } from '../../src/ledger/open.js';
import { restoreSqlite } from '../../src/ledger/restore.js';
import { createStore } from '../../src/ledger/store.js';
import { claimed, effectOf, landed, openBatch, receiptOf, temporaryFolder } from './ledger-fixture.js';

interface Place {
  readonly folder: string;
  readonly path: string;
  readonly backup: string;
}

function aPlace(): Place {
  const folder = temporaryFolder();
  return { folder, path: join(folder, 'state', 'ledger.db'), backup: join(folder, 'monday.db') };
}

async function withLedger<T>(path: string, use: (ledger: Ledger) => Promise<T>): Promise<T> {
  const ledger = await openLedger({ path });
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
  }
}

async function landing(ledger: Ledger, slug: string): Promise<void> {
  await claimed(ledger, slug);
  await landed(ledger, slug);
}

/** A ledger in which "one" has landed, and a backup of it. */
async function aBackup(): Promise<Place> {
  const place = aPlace();
  await withLedger(place.path, async (ledger) => {
    await openBatch(ledger, ['one', 'two']);
    await landing(ledger, 'one');
  });
  await backupSqlite(place.path, place.backup);
  return place;
}

const receiptsIn = (path: string): Promise<number> =>
  withLedger(path, async (ledger) => (await ledger.receipts({})).length);

const keptAside = ({ path }: Place): string[] =>
  readdirSync(join(path, '..')).filter((name) => /^ledger-replaced-.*\.db$/.test(name));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('a backup', () => {
  test('of a ledger in use holds what was committed, and is one checked file for its owner only', async () => {
    const { path, backup, folder } = aPlace();
    await withLedger(path, async (ledger) => {
      await openBatch(ledger, ['one', 'two']);
      await landing(ledger, 'one');
      const made = await backupSqlite(path, backup);
      await landing(ledger, 'two');

      expect(made).toMatchObject({
        file: backup,
        receipts: 1,
        jobs: 1,
        schemaVersion: MIGRATIONS.length,
        bytes: statSync(backup).size,
      });
      expect(made.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(made.newestAt).toMatch(/Z$/);
    });
    expect(readdirSync(folder).sort()).toEqual(['monday.db', 'state']);
    expect(modeOf(backup)).toBe('600');
    expect(await receiptsIn(path)).toBe(2);
    expect(await receiptsIn(backup)).toBe(1);
  });

  test('while another process writes is of one moment', async () => {
    const { path, backup } = aPlace();
    await withLedger(path, (ledger) => openBatch(ledger, ['one']));
    const writer = aWriter(path);
    await writer.wrote(20);
    const made = await backupSqlite(path, backup);
    await writer.stop();

    expect(made.receipts).toBeGreaterThanOrEqual(20);
    const raw = new BetterSqlite3(backup, { readonly: true });
    onTestFinished(() => void raw.close());
    const count = (sql: string) => raw.prepare(sql).pluck().get();
    expect(count('select count(*) from receipts')).toBe(made.receipts);
    expect(count(`select count(*) from effects where state = 'landed'`)).toBe(made.receipts);
    expect(count('select max(seq) - count(*) from history')).toBe(0);
  });

  test('is never written over, and nothing is left where it fails', async () => {
    const { path, backup, folder } = await aBackup();
    const before = readFileSync(backup);
    await expect(backupSqlite(path, backup)).rejects.toThrow(UsageError);
    expect(readFileSync(backup).equals(before)).toBe(true);
    await expect(backupSqlite(join(folder, 'none.db'), join(folder, 'x.db'))).rejects.toThrow(/no ledger/);
    await expect(backupSqlite(path, join(folder, 'none', 'x.db'))).rejects.toThrow(UsageError);
    expect(readdirSync(folder).sort()).toEqual(['monday.db', 'state']);
  });

  test('into a folder that is not there says so, and makes none', async () => {
    const { path, folder } = await aBackup();
    for (const file of [join(folder, 'usb', 'tuesday.db'), join(path, 'tuesday.db')]) {
      const refused = backupSqlite(path, file);
      await expect(refused).rejects.toThrow(UsageError);
      await expect(refused).rejects.toThrow('is no folder: make it first');
    }
    expect(existsSync(join(folder, 'usb'))).toBe(false);
  });

  test('of a ledger of an older release is of the old schema, and the ledger stays as it is', async () => {
    const { path, backup } = aPlace();
    await ofSchema1(path);
    expect(await backupSqlite(path, backup)).toMatchObject({ schemaVersion: 1 });
    const raw = new BetterSqlite3(path);
    expect(raw.prepare('select max(version) from ledger_migrations').pluck().get()).toBe(1);
    raw.close();
  });

  test('of a damaged ledger is refused', async () => {
    const { path, backup, folder } = await aBackup();
    truncateSync(path, statSync(path).size - 4096);
    await expect(backupSqlite(path, join(folder, 'x.db'))).rejects.toThrow();
    expect(readdirSync(folder).sort()).toEqual(['monday.db', 'state']);
    expect(existsSync(backup)).toBe(true);
  });
});

describe('a restore', () => {
  test('puts the backup in place, keeps the other beside it, and notes who asked', async () => {
    const place = await aBackup();
    await withLedger(place.path, (ledger) => landing(ledger, 'two'));

    const restored = await restoreSqlite(place.path, place.backup, 'ann');

    expect(restored).toMatchObject({
      from: place.backup,
      receipts: 1,
      jobs: 1,
      before: { receipts: 2, jobs: 2 },
    });
    expect(keptAside(place).map((name) => join(place.path, '..', name))).toEqual([restored.replaced]);
    expect(await receiptsIn(place.path)).toBe(1);
    expect(await receiptsIn(restored.replaced ?? '')).toBe(2);
    expect(modeOf(place.path)).toBe('600');
    await withLedger(place.path, async (ledger) => {
      expect(await ledger.requests()).toMatchObject([
        {
          by: 'ann',
          what: 'restore',
          outcome: 'done',
          reason: expect.stringContaining('monday.db') as string,
        },
      ]);
      expect((await ledger.inspect()).problems).toEqual([]);
      await landing(ledger, 'three'); // it is as good as any other ledger
    });
    expect(readdirSync(join(place.path, '..')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('may be done twice, and where there is no ledger', async () => {
    const place = await aBackup();
    await restoreSqlite(place.path, place.backup, 'ann');
    await restoreSqlite(place.path, place.backup, 'ann');
    expect(keptAside(place)).toHaveLength(2);

    const fresh = join(place.folder, 'fresh', 'deep', 'ledger.db');
    expect(await restoreSqlite(fresh, place.backup, 'ann')).toMatchObject({
      replaced: undefined,
      before: undefined,
    });
    expect(await receiptsIn(fresh)).toBe(1);
  });

  test('of a backup of an older release brings it up to date', async () => {
    const place = aPlace();
    await ofSchema1(place.path);
    await backupSqlite(place.path, place.backup);
    expect(await restoreSqlite(place.path, place.backup, 'ann')).toMatchObject({ schemaVersion: 1 });
    await withLedger(place.path, async (ledger) =>
      expect(await ledger.inspect()).toMatchObject({
        schemaVersion: String(MIGRATIONS.length),
        problems: [],
      }),
    );
  });

  test.each(['garbage', 'a torn file', 'an empty file'])('replaces a ledger that is %s', async (damage) => {
    const place = await aBackup();
    if (damage === 'garbage') writeFileSync(place.path, 'not a database, '.repeat(1000));
    if (damage === 'a torn file') truncateSync(place.path, 5000);
    if (damage === 'an empty file') truncateSync(place.path, 0);
    writeFileSync(`${place.path}-wal`, 'left by a crash');

    expect(await restoreSqlite(place.path, place.backup, 'ann')).toMatchObject({ before: undefined });

    expect(await receiptsIn(place.path)).toBe(1);
    expect(keptAside(place)).toHaveLength(1);
  });

  test.each([
    ['text', /can't be read as a ledger/],
    ['another program’s database', /no ledger/],
    ['a ledger of another schema', /its schema is another one/],
    ['a ledger without its mark', /application id/],
    ['a newer ledger', /newer nightshift/],
    ['a torn ledger', /damaged|can't be read/],
    ['a ledger with a row missing', /has lost what it belongs to/],
    ['a live ledger', /newest commits lie beside it/],
  ])('of %s is refused, and changes nothing', async (what, why) => {
    const place = await aBackup();
    const bad = join(place.folder, 'bad.db');
    copyFileSync(place.backup, bad);
    spoil(bad, what);
    const before = readFileSync(place.path);

    await expect(restoreSqlite(place.path, bad, 'ann')).rejects.toThrow(why);
    await expect(restoreSqlite(place.path, bad, 'ann')).rejects.toMatchObject({ errorClass: 'config' });

    expect(readFileSync(place.path).equals(before)).toBe(true);
    expect(readdirSync(join(place.path, '..')).filter((name) => !/-(wal|shm)$/.test(name))).toEqual([
      'ledger.db',
    ]);
    expect(await receiptsIn(place.path)).toBe(1);
  });

  test('of no file, or of the ledger itself, is refused', async () => {
    const place = await aBackup();
    await expect(restoreSqlite(place.path, join(place.folder, 'none'), 'ann')).rejects.toThrow(UsageError);
    await expect(restoreSqlite(place.path, place.folder, 'ann')).rejects.toThrow(UsageError);
    await expect(restoreSqlite(place.path, place.path, 'ann')).rejects.toThrow(/in place/);
  });

  test('is refused while anybody has the ledger open, also another process', async () => {
    const place = await aBackup();
    await withLedger(place.path, async (ledger) => {
      await expect(restoreSqlite(place.path, place.backup, 'ann')).rejects.toMatchObject({
        errorClass: 'throttled',
        message: expect.stringContaining('in use') as string,
      });
      await landing(ledger, 'two'); // and goes on undisturbed
    });
    const writer = aWriter(place.path);
    await writer.wrote(1);
    await expect(restoreSqlite(place.path, place.backup, 'ann')).rejects.toMatchObject({
      errorClass: 'throttled',
    });
    await writer.stop();
    expect(keptAside(place)).toEqual([]);
    await restoreSqlite(place.path, place.backup, 'ann');
  });

  test('leaves whoever had just opened the old file with an error, not with a torn ledger', async () => {
    const place = await aBackup();
    const late = new BetterSqlite3(place.path); // open, and nothing read yet
    onTestFinished(() => void late.close());

    await restoreSqlite(place.path, place.backup, 'ann');

    expect(() => late.pragma('journal_mode = WAL')).toThrow(/readonly/);
    expect(() => late.pragma('user_version = 1')).toThrow(/readonly/);
    await withLedger(place.path, (ledger) => landing(ledger, 'two'));
    expect(await receiptsIn(place.path)).toBe(2);
  });

  test('killed at any moment leaves the old ledger or the new one, whole', { timeout: 240_000 }, async () => {
    const place = await aBackup();
    await withLedger(place.path, (ledger) => landing(ledger, 'two'));
    for (let round = 0; round < 6; round++) {
      await killed(aRestorer(place), 20 + round * 25);
      const receipts = await receiptsIn(place.path);
      expect([1, 2], `round ${round}`).toContain(receipts);
      await withLedger(place.path, async (ledger) => expect((await ledger.inspect()).problems).toEqual([]));
      if (receipts === 1) await withLedger(place.path, (ledger) => landing(ledger, 'two'));
    }
  });
});

describe('with the state directory', () => {
  const configOf = ({ path }: Place) => ({ ledger: { path }, stateDir: join(path, '..') });

  test('artifacts are copied once, and come back where they are missing', async () => {
    const place = await aBackup();
    const config = configOf(place);
    const store = folderArtifactStore({ root: join(config.stateDir, 'artifacts') });
    const one = await store.put(Buffer.from('one'));
    const artifacts = join(place.folder, 'copies');
    const first = await backUp(config, { file: join(place.folder, 'a.db'), artifacts });
    expect(first.artifacts).toEqual({ folder: artifacts, copied: 1, present: 0, damaged: [] });

    const two = await store.put(Buffer.from('two'));
    const damaged = join(config.stateDir, 'artifacts', 'sha256', two.sha256.slice(0, 2), two.sha256.slice(2));
    appendFileSync(damaged, 'x');
    const second = await backUp(config, { file: join(place.folder, 'b.db'), artifacts });
    expect(second.artifacts).toMatchObject({ copied: 0, present: 1, damaged: [two.sha256] });

    const other = {
      ledger: { path: join(place.folder, 'new', 'ledger.db') },
      stateDir: join(place.folder, 'new'),
    };
    const restored = await restore(other, { file: join(place.folder, 'a.db'), artifacts }, 'ann');
    expect(restored).toMatchObject({ receipts: 1, artifacts: { damaged: [] } });
    const found = folderArtifactStore({ root: join(other.stateDir, 'artifacts') });
    expect(Buffer.from(await found.read(one.sha256)).toString()).toBe('one');
  });

  test('a restore is refused while a worker lives', async () => {
    const place = await aBackup();
    const config = configOf(place);
    const workers = join(config.stateDir, 'workers');
    mkdirSync(workers);
    for (const path of [join(config.stateDir, 'worker.lock'), join(workers, 'host-1.lock')]) {
      const lock = tryExclusiveLock(path);
      await expect(restore(config, { file: place.backup }, 'ann')).rejects.toMatchObject({
        errorClass: 'throttled',
        message: expect.stringContaining('a worker is alive') as string,
      });
      lock?.release();
    }
    expect(keptAside(place)).toEqual([]);
    await restore(config, { file: place.backup }, 'ann'); // locks of dead workers are none
    expect(keptAside(place)).toHaveLength(1);
  });

  test('a ledger in PostgreSQL is left to its own tools, which are named without the password', async () => {
    const config = { ledger: { url: 'postgres://me:hunter2@db/night' }, stateDir: temporaryFolder() };
    const refused = backUp(config, { file: "it's.dump" });
    await expect(refused).rejects.toMatchObject({
      errorClass: 'config',
      message: expect.stringContaining(
        `pg_dump --format=custom --file='it'\\''s.dump' --dbname="$NIGHTSHIFT_LEDGER"`,
      ) as string,
    });
    await expect(refused).rejects.not.toThrow(/hunter2/);
    const file = join(config.stateDir, 'x.dump');
    writeFileSync(file, 'PGDMP');
    await expect(restore(config, { file }, 'ann')).rejects.toThrow(/pg_restore .*x\.dump/);
  });
});

async function ofSchema1(path: string): Promise<void> {
  const dialect = await openSqlite(path);
  await migrate(
    dialect,
    createStore(dialect, () => new Date()),
    MIGRATIONS.slice(0, 1),
  );
  await dialect.db.destroy();
}

function spoil(path: string, what: string): void {
  if (what === 'text') return writeFileSync(path, 'buy milk, '.repeat(1000));
  if (what === 'a torn ledger') return truncateSync(path, statSync(path).size - 8192);
  if (what === 'a live ledger') return writeFileSync(`${path}-wal`, 'commits');
  const raw = new BetterSqlite3(path);
  raw.pragma('foreign_keys = OFF');
  const statements: Readonly<Record<string, string>> = {
    'another program’s database': 'drop table ledger_migrations',
    'a ledger of another schema': `update ledger_migrations set name = '0001-milk' where version = 1`,
    'a ledger without its mark': 'pragma application_id = 7',
    'a newer ledger': `insert into ledger_migrations values (${MIGRATIONS.length + 1}, 'x', 'x')`,
    'a ledger with a row missing': `drop trigger effects_no_delete; delete from effects`,
  };
  raw.exec(statements[what] ?? '');
  raw.close();
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A process of its own; `body` is a module in this repository's root. */
const aProcess = (body: string, ...words: readonly string[]) =>
  spawn(process.execPath, ['--input-type=module', '-e', body, ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** Lands one effect after another until it is stopped. */
function aWriter(path: string) {
  const { effectKey: _, ...effect } = effectOf('x');
  const { effectKey: __, ...receipt } = receiptOf(effectOf('x'));
  const child = aProcess(
    `import { openLedger } from './dist/ledger/open.js';
     import { jobKey, effectKey } from './dist/identity/keys.js';
     const ledger = await openLedger({ path: process.argv[1] });
     const by = { batchId: 'b', workflowId: 'w', runId: 'r', attempt: 1, worker: 'x' };
     for (let number = 0; ; number++) {
       const identity = { slug: 'w' + number };
       const job = { work: 'article', jobKey: jobKey(identity) };
       await ledger.claimJob({ ...job, identity, fingerprint: 'f'.repeat(64), revision: 1, effectKeys: [], by });
       const effect = { ...${JSON.stringify(effect)}, ...job };
       const key = effectKey({ ...job, name: effect.name, target: effect.target });
       const { fence } = await ledger.beginEffect({ ...effect, effectKey: key }, by);
       await ledger.landEffect({ ...${JSON.stringify(receipt)}, effectKey: key }, undefined, fence);
       process.stdout.write('.');
     }`,
    path,
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let written = 0;
  child.stdout.on('data', (dots: Buffer) => (written += dots.length));
  return {
    async wrote(count: number): Promise<void> {
      while (written < count) {
        if (child.exitCode !== null) throw new Error('the writer ended');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    stop: () => ended(child, () => child.kill('SIGKILL')),
  };
}

const aRestorer = ({ path, backup }: Place) =>
  aProcess(
    `import { restoreSqlite } from './dist/ledger/restore.js';
     import './dist/ledger/dialect-sqlite.js';
     import './dist/ledger/sql-ledger.js';
     process.stdout.write('ready');
     await restoreSqlite(process.argv[1], process.argv[2], 'ann');`,
    path,
    backup,
  );

/** Kills it some time after it is ready. */
async function killed(child: ReturnType<typeof aRestorer>, afterMs: number): Promise<void> {
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  await ended(child, () => undefined);
  clearTimeout(timer);
}

const ended = (child: ReturnType<typeof aRestorer>, act: () => unknown): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    act();
  });
