// What only a ledger in PostgreSQL has: schemas, settings of the server, passwords, other programs in the database.
import { execFileSync } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../src/ledger/dialect-postgres.js';
import { openLedger } from '../../src/ledger/open.js';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';
import {
  aLedger,
  aPlace,
  BATCH,
  claimed,
  collected,
  jobOf,
  NOBODY,
  openBatch,
  rawSql,
  startedSession,
  temporaryFolder,
  useDatabase,
} from './ledger-fixture.js';

describe.runIf(hasPostgres())('a ledger in PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
    useDatabase(server.url);
  });
  afterAll(() => server.stop());

  const inSchemas = (...names: string[]): string =>
    `${server.url}?options=${encodeURIComponent(`-c search_path=${names.join(',')}`)}`;

  test('is in the first schema of the search path; tables of its names in others are left alone', async () => {
    await server.rows('create schema ours');
    await server.rows('create schema theirs');
    await server.rows('create table theirs.jobs (name text)');
    const { ledger } = await aLedger(inSchemas('ours', 'theirs'));
    await claimed(ledger, 'one');

    expect(await server.rows('select count(*)::int as jobs from ours.jobs')).toEqual([{ jobs: 1 }]);
    expect(await server.rows('select * from theirs.jobs')).toEqual([]);
    expect((await ledger.inspect()).settings).toMatchObject({ schema: 'ours' });
  });

  test('does not share the lock of writers with one in another schema', async () => {
    const [first, second] = [await aPlace(), await aPlace()];
    await aLedger(first);
    const { ledger } = await aLedger(second);
    const holder = new pg.Client({ connectionString: first });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('begin');
    await holder.query(`insert into history (at, kind, subject, to_state, written_by)
      values ('', 'job', '', '', '')`); // takes the lock of the first

    expect((await claimed(ledger, 'one')).fence).toBe(1);
  });

  test('has one lock for all who write to it, also past the ledger', async () => {
    const { ledger, path } = await aLedger();
    const holder = new pg.Client({ connectionString: path });
    await holder.connect();
    onTestFinished(() => holder.end());
    await holder.query('begin');
    await holder.query(`insert into history (at, kind, subject, to_state, written_by)
      values ('', 'job', '', '', '')`);

    let written = false;
    const claim = claimed(ledger, 'one').then(() => (written = true));
    const waiting = `select from pg_locks w join pg_locks h using (locktype, database, classid, objid, objsubid)
      where w.locktype = 'advisory' and not w.granted and h.granted`;
    await expect.poll(async () => (await server.rows(waiting)).length).toBe(1);
    expect(written).toBe(false);
    await holder.query('commit');
    await claim;
  });

  test.each(['jobs', 'ledger_migrations'])(
    'is not made where a table "%s" is somebody else’s, and nothing is changed there',
    async (table) => {
      const path = await aPlace();
      await rawSql(path)(`create table ${table} (milk text)`);
      await expect(openLedger({ url: path })).rejects.toMatchObject({
        errorClass: 'config',
        message: expect.stringMatching(
          new RegExp(`another program .*tables=${table}.*search_path`),
        ) as string,
      });
      expect(
        await rawSql(path)(
          'select relname as name from pg_class where relnamespace = current_schema()::regnamespace',
        ),
      ).toEqual(expect.arrayContaining([{ name: table }]) as unknown);
      expect(await rawSql(path)(`select to_regclass('history') as history`)).toEqual([{ history: null }]);
    },
  );

  test('is refused without a schema, and in a database that can’t hold every character', async () => {
    await expect(openLedger({ url: inSchemas('nowhere') })).rejects.toMatchObject({
      errorClass: 'config',
      message: expect.stringContaining('create schema') as string,
    });
    await server.rows(
      `create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`,
    );
    await expect(openLedger({ url: server.url.replace(/postgres$/, 'latin') })).rejects.toMatchObject({
      errorClass: 'config',
      message: expect.stringContaining('LATIN1') as string,
    });
    await expect(openLedger({ url: server.url.replace(/postgres$/, 'absent') })).rejects.toMatchObject({
      errorClass: 'config',
      message: expect.stringContaining('"absent" does not exist') as string,
    });
  });

  test('puts synchronous_commit on where the database has it off', async () => {
    await server.rows('alter database postgres set synchronous_commit = off');
    onTestFinished(async () => void (await server.rows('alter database postgres reset synchronous_commit')));
    const { ledger } = await aLedger();
    expect(await ledger.inspect()).toMatchObject({
      dialect: 'postgres',
      settings: { synchronous_commit: 'on', fsync: 'on', full_page_writes: 'on' },
      problems: [],
    });
  });

  test('reports settings and triggers whose absence can lose or change what was written', async () => {
    const { ledger, path } = await aLedger();
    for (const setting of ['fsync', 'full_page_writes'])
      await server.rows(`alter system set ${setting} = off`);
    await rawSql(path)('alter table receipts disable trigger receipts_no_update');
    await server.rows('select pg_reload_conf()');
    onTestFinished(async () => {
      await server.rows('alter system reset all');
      await server.rows('select pg_reload_conf()');
    });
    await expect
      .poll(async () => (await ledger.inspect()).problems)
      .toEqual([
        expect.stringMatching(/^fsync is off/),
        expect.stringMatching(/^full_page_writes is off/),
        expect.stringMatching(/^trigger receipts_no_update is disabled/),
      ]);
  });

  test('never shows a password', async () => {
    const secret = 'correct-horse-battery';
    const wrong = server.url.replace(/:[^:@]*@/, `:${secret}@`);
    const url = `postgres://nightshift:${secret}@127.0.0.1:${await closedPort()}/postgres`;
    const errors = await Promise.all(
      [
        wrong,
        url,
        `postgres://user:${secret}/x@host/db`,
        `postgres://user:${secret}#x@host/db`,
        `postgres://user:${secret} @[host/db`,
      ].map((each) =>
        openLedger({ url: each }).then(
          () => undefined,
          (error: unknown) => error,
        ),
      ),
    );

    expect(errors).toMatchObject([
      { errorClass: 'auth', message: expect.stringContaining(`127.0.0.1:${server.port}/postgres`) as string },
      { errorClass: 'transient', facts: { code: 'ECONNREFUSED' } },
      { errorClass: 'config' },
      { errorClass: 'config' },
      { errorClass: 'config' },
    ]);
    for (const error of errors) {
      const shown = inspect(error, { depth: 10, showHidden: false }) + JSON.stringify(error);
      expect(shown).not.toContain(secret);
    }
    const { ledger } = await aLedger();
    expect(JSON.stringify(await ledger.inspect())).not.toMatch(/nightshift:|p-ss/);
  });

  test('keeps text of every kind; U+0000, which it can’t, becomes U+FFFD', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, []);
    const text = `'; drop table jobs; -- "ü" 夜勤 \u{1F319} \\ $1 \t\n \u0001`;
    await ledger.setBatchState(BATCH, 'paused', NOBODY, `${text}\0`);
    expect((await ledger.batch(BATCH))?.reason).toBe(`${text}\uFFFD`);
  });

  test('gives sums as numbers, and refuses one that a number can’t hold', async () => {
    const { ledger } = await aLedger();
    const cost = Number.MAX_SAFE_INTEGER - 10;
    for (const [slug, micros] of [
      ['one', cost],
      ['two', 5],
    ] as const) {
      const claim = await claimed(ledger, slug);
      await ledger.endSession(await startedSession(ledger, slug, claim), collected(micros), claim.fence);
    }
    expect(await ledger.spend({ batchId: BATCH })).toBe(cost + 5);
    const claim = await claimed(ledger, 'three');
    await ledger.endSession(await startedSession(ledger, 'three', claim), collected(100), claim.fence);
    await expect(ledger.spend({ batchId: BATCH })).rejects.toThrow(/not a whole number that fits/);
    expect((await ledger.spendOfJob(jobOf('three'))).micros).toBe(100);
  });

  test('writes history for those who come with another search path, numbered in one row with its own', async () => {
    const { ledger, path } = await aLedger();
    const schema = new URL(path).searchParams.get('options')?.split('=')[1] ?? '';
    await openBatch(ledger, ['one']);
    for (let round = 0; round < 5; round++) {
      await Promise.all([
        claimed(ledger, `ours-${round}`),
        server.rows(`update ${schema}.batches set state = '${round % 2 === 0 ? 'paused' : 'running'}'`),
        claimed(ledger, `more-${round}`),
      ]);
    }
    const rows = await ledger.history({});
    expect(rows).toHaveLength(16);
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1));
  });

  test('can be changed only by a transaction that says so, under the lock', async () => {
    const dialect = await openPostgres(await aPlace());
    onTestFinished(() => dialect.db.destroy());
    await expect(sql`create table milk (litres int)`.execute(dialect.db)).rejects.toThrow();
    await expect(dialect.read((db) => sql`create table milk (litres int)`.execute(db))).rejects.toThrow();
    await dialect.write((db) => sql`create table milk (litres int)`.execute(db));
  });

  test('is known to the administrator by its name', async () => {
    const { ledger } = await aLedger();
    await ledger.head();
    const names = await server.rows('select distinct application_name as name from pg_stat_activity');
    expect(names).toContainEqual({ name: 'nightshift' });
  });
});

test('the driver of PostgreSQL is loaded for a URL only', () => {
  const script = fileURLToPath(new URL('fixtures/ledger-loads.mjs', import.meta.url));
  const args = [script, join(temporaryFolder(), 'ledger.db')];
  const said = execFileSync(process.execPath, args, { encoding: 'utf8' });
  expect(said.split('\n')).toEqual(['file: false', 'URL: true', '']);
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
