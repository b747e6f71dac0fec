// What a drill of a backup tells of jobs that landed before and after it, at a destination that nobody can ask.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { effectsOf } from '../../src/batch/effects.js';
import type { Batch } from '../../src/batch/read-batch.js';
import { createNightshift } from '../../src/client/nightshift.js';
import { backupSqlite } from '../../src/ledger/backup.js';
import { MIGRATIONS } from '../../src/ledger/migrate.js';
import { openLedger } from '../../src/ledger/open.js';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';
import { by, placeOf, rawSql, receiptOf, temporaryFolder } from './ledger-fixture.js';

const SLUGS = ['one', 'two', 'three'];

function aPlace(url?: string) {
  const folder = temporaryFolder();
  const state = join(folder, 'state');
  mkdirSync(state);
  const file = join(folder, 'batch.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      name: 'nightly',
      work: 'article',
      jobs: SLUGS.map((slug) => ({ slug })),
      identity: ['slug'],
      agent: { use: 'command', command: ['cat'] },
      // Nobody listens there: a request would be seen as an error.
      effects: [{ name: 'post', use: 'http', target: 'api', with: { url: 'http://127.0.0.1:9/posts' } }],
    }),
  );
  const nightshift = createNightshift({ state, env: url === undefined ? {} : { NIGHTSHIFT_LEDGER: url } });
  onTestFinished(() => nightshift.close());
  return { folder, file, nightshift, path: url ?? join(state, 'ledger.db') };
}

/** As if a worker had done it. */
async function land(path: string, { definition, jobs }: Batch, slug: string): Promise<void> {
  const job = jobs.find(({ identity }) => identity['slug'] === slug);
  const [effect] = job ? effectsOf(definition, job) : [];
  if (!job || !effect) throw new Error('no such job');
  const ledger = await openLedger(placeOf(path));
  const { work } = definition;
  const { key: jobKey, identity, fingerprint, revision } = job;
  const { key: effectKey, name, target, use } = effect;
  const id = { work, jobKey, effectKey, name, target, use, revision };
  await ledger.claimJob({ work, jobKey, identity, fingerprint, revision, effectKeys: [effectKey], by: by() });
  const { fence } = await ledger.beginEffect(id, by());
  await ledger.attemptingEffect(effectKey, { sha256: 'b'.repeat(64), revision }, fence);
  const settles = { work, jobKey, effectKeys: [effectKey], revision, state: 'done' as const };
  await ledger.landEffect(receiptOf(id), settles, fence);
  await ledger.close();
}

test('what landed after it would be sent and paid for again, by name; the ledger in use is only read', async () => {
  const { folder, file, nightshift, path } = aPlace();
  const batch = await nightshift.read(file);
  await land(path, batch, 'one');
  const backup = join(folder, 'monday.db');
  await backupSqlite(path, backup);
  await land(path, batch, 'two');
  const bytes = () => [path, backup].map((at) => readFileSync(at).toString('base64'));
  const before = bytes();

  const drilled = await nightshift.drill({ file: backup }, [batch]);
  expect(drilled).toMatchObject({ from: backup, receipts: 1, jobs: 1 });
  expect(drilled.batches).toEqual([
    {
      name: 'nightly',
      key: batch.key,
      jobs: 3,
      landed: 2,
      counts: { known: 1, found: 0, again: 1, asked: 0 },
      paidAgain: 1,
      findings: [
        { fate: 'again', title: 'two', name: 'post', target: 'api', why: 'the destination can’t be asked' },
      ],
    },
  ]);
  expect(bytes()).toEqual(before);
});

test('a file that is no backup is refused, and nothing is left behind', async () => {
  const { folder, file, nightshift } = aPlace();
  const batch = await nightshift.read(file);
  const broken = join(folder, 'broken.db');
  writeFileSync(broken, 'no ledger');
  await expect(nightshift.drill({ file: broken }, [batch])).rejects.toMatchObject({ errorClass: 'config' });
  await expect(nightshift.drill({ file: join(folder, 'none.db') }, [batch])).rejects.toThrow('none.db');
});

describe.runIf(hasPostgres())('with the ledger in PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  const aSchema = async (name: string): Promise<string> => {
    await server.rows(`create schema ${name}`);
    return `${server.url}?options=-csearch_path%3D${name}`;
  };

  test('a database that a backup was restored into is drilled, and stays as it is', async () => {
    const inUse = await aSchema('in_use');
    const restored = await aSchema('restored');
    const { file, folder, nightshift } = aPlace(inUse);
    const batch = await nightshift.read(file);
    for (const slug of ['one', 'two']) await land(inUse, batch, slug);
    await land(restored, batch, 'one');
    const rows = () => rawSql(restored)('select seq, at from history order by seq');
    const before = await rows();

    const artifacts = join(folder, 'artifacts');
    const drilled = await nightshift.drill({ file: restored, artifacts }, [batch]);
    expect(drilled).toMatchObject({
      from: `127.0.0.1:${server.port}/postgres`,
      receipts: 1,
      jobs: 1,
      newestAt: before.at(-1)?.['at'],
      artifacts: { folder: artifacts, copied: 0 },
    });
    expect(drilled.batches).toMatchObject([
      { landed: 2, counts: { known: 1, again: 1 }, paidAgain: 1, findings: [{ title: 'two' }] },
    ]);
    expect(await rows()).toEqual(before);

    await expect(nightshift.drill({ file: inUse }, [batch])).rejects.toThrow(/is the ledger in use/);
    await expect(nightshift.drill({ file: 'ledger.dump' }, [batch])).rejects.toThrow(
      /pg_restore .*ledger\.dump && nightshift ledger drill/,
    );
  });

  test('one that has no ledger, or an older one, is refused, and nothing is made in it', async () => {
    const { file, nightshift } = aPlace(await aSchema('used'));
    const batch = await nightshift.read(file);
    const empty = await aSchema('empty');
    await expect(nightshift.drill({ file: empty }, [batch])).rejects.toThrow(/has no ledger/);
    expect(await server.rows(`select from pg_tables where schemaname = 'empty'`)).toEqual([]);

    const older = await aSchema('older');
    await land(older, batch, 'one');
    await rawSql(older)('delete from ledger_migrations where version = ?', MIGRATIONS.length);
    await expect(nightshift.drill({ file: older }, [batch])).rejects.toThrow(
      /older release.*NIGHTSHIFT_LEDGER/s,
    );
  });
});
