// A backup of a ledger file, brought into PostgreSQL: what is there afterwards, and when it is refused.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { restore } from '../../src/client/backup.js';
import { backupSqlite } from '../../src/ledger/backup.js';
import type { HistoryRow, Ledger, ReceiptRow } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { hasPostgres, startPostgres, type PostgresServer } from '../support/servers/postgres.js';
import { BATCH, claimed, landed, openBatch, rawSql, temporaryFolder } from './ledger-fixture.js';

describe.runIf(hasPostgres())('a backup of a file, restored into PostgreSQL', { timeout: 120_000 }, () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server.stop());

  let schemas = 0;
  async function anEmptySchema(): Promise<string> {
    const name = `moved_${++schemas}`;
    await server.rows(`create schema ${name}`);
    return `${server.url}?options=-csearch_path%3D${name}`;
  }

  async function opened(place: { readonly path: string } | { readonly url: string }): Promise<Ledger> {
    const ledger = await openLedger(place);
    onTestFinished(() => ledger.close());
    return ledger;
  }

  /** A longer history than one statement takes, a night, and a batch that is not done. */
  async function aBackup(): Promise<{
    readonly backup: string;
    readonly ledger: Ledger;
    readonly stateDir: string;
  }> {
    const folder = temporaryFolder();
    const ledger = await opened({ path: join(folder, 'old.db') });
    const slugs = Array.from({ length: 120 }, (_, at) => `job-${at}`);
    await openBatch(ledger, [...slugs, 'two']);
    for (const slug of slugs) {
      await claimed(ledger, slug);
      await landed(ledger, slug);
    }
    await ledger.recordNight({
      schedule: 'nights',
      night: '2026-11-23T02:30',
      dueAt: '2026-11-23T01:30:00.000Z',
      edition: '2026-11-23',
      outcome: 'started',
      why: 'as it was',
      by: 'schedule:nights',
      batchId: BATCH,
      runId: 'run-1',
    });
    const backup = join(folder, 'monday.db');
    await backupSqlite(join(folder, 'old.db'), backup);
    return { backup, ledger, stateDir: join(folder, 'state') };
  }

  const contentOf = async (
    ledger: Ledger,
  ): Promise<{ receipts: readonly ReceiptRow[]; history: readonly HistoryRow[]; others: unknown }> => ({
    receipts: await ledger.receipts({}),
    history: await ledger.history({}),
    others: [await ledger.batches(), await ledger.scheduledNights(), await ledger.counts(BATCH, 0)],
  });

  test('it is the same ledger, and goes on as one', async () => {
    const { backup, ledger, stateDir } = await aBackup();
    const url = await anEmptySchema();
    const restored = await restore({ ledger: { url }, stateDir }, { file: backup }, 'ann');
    expect(restored).toMatchObject({ from: backup, receipts: 120, jobs: 120, replaced: undefined });

    const moved = await opened({ url });
    expect(await contentOf(moved)).toEqual(await contentOf(ledger));
    expect(await moved.requests({})).toMatchObject([{ what: 'restore', by: 'ann', outcome: 'done' }]);

    const head = await moved.head();
    await claimed(moved, 'two');
    await landed(moved, 'two');
    const news = (await moved.history({})).filter(({ seq }) => seq > head);
    expect(news.length).toBeGreaterThan(0);
    expect(await moved.receipts({})).toHaveLength(121);
    await expect(rawSql(url)('delete from receipts')).rejects.toThrow();
    expect((await moved.inspect()).problems.filter((problem) => problem.includes('trigger'))).toEqual([]);
  });

  test('a ledger that has entries is left as it is', async () => {
    const { backup, stateDir } = await aBackup();
    const url = await anEmptySchema();
    const present = await opened({ url });
    await openBatch(present, ['one'], { id: 'batch:other:1', name: 'other' });
    await expect(restore({ ledger: { url }, stateDir }, { file: backup }, 'ann')).rejects.toThrow(
      /in use already, and two ledgers can't be made one .*table=history/,
    );
    expect(await present.receipts({})).toEqual([]);
    expect((await present.batches()).map(({ name }) => name)).toEqual(['other']);
  });

  test('a file that PostgreSQL made is left to its own tools', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'ledger.dump');
    writeFileSync(file, 'PGDMP');
    const place = { ledger: { url: await anEmptySchema() }, stateDir: join(folder, 'state') };
    await expect(restore(place, { file }, 'ann')).rejects.toThrow('pg_restore');
    await expect(restore(place, { file: join(folder, 'none') }, 'ann')).rejects.toThrow('no file to restore');
  });
});
