// Who asked for what: every request is a row, by batch and by job, and no row changes or goes.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { REQUEST_KINDS, REQUEST_OUTCOMES } from '../../src/contract/requests.js';
import { aLedger, keyOf, onPostgres, rawSql, WORK } from './ledger-fixture.js';

const NIGHTLY = { id: 'batch:nightly:1', name: 'nightly', key: 'a'.repeat(32) };
const WEEKLY = { id: 'batch:weekly:1', name: 'weekly', key: 'b'.repeat(32) };

test('requests are kept in their order, with who, what came of it, and why', async () => {
  const { ledger } = await aLedger();
  await ledger.recordRequest({
    by: 'ann@desk',
    what: 'start',
    outcome: 'started',
    batch: NIGHTLY,
    runId: 'run-1',
  });
  await ledger.recordRequest({
    by: 'cron',
    what: 'start',
    outcome: 'joined',
    batch: NIGHTLY,
    runId: 'run-1',
  });
  await ledger.recordRequest({
    by: 'ann@desk',
    what: 'pause',
    outcome: 'refused',
    reason: 'no such batch',
  });

  const rows = await ledger.requests();
  expect(rows).toMatchObject([
    { by: 'ann@desk', what: 'start', outcome: 'started', batch: NIGHTLY, runId: 'run-1', reason: undefined },
    { by: 'cron', what: 'start', outcome: 'joined', batch: NIGHTLY },
    { by: 'ann@desk', what: 'pause', outcome: 'refused', reason: 'no such batch', batch: undefined },
  ]);
  expect(rows.map(({ at }) => Number.isNaN(Date.parse(at)))).toEqual([false, false, false]);
  expect((rows[2]?.seq ?? 0) > (rows[0]?.seq ?? 0)).toBe(true);
});

test('the page of the ledger names every kind of request, and every outcome', () => {
  const page = readFileSync('docs/reference/ledger.md', 'utf8');
  const section = /## Requests\n([^]*?)\n## /.exec(page)?.[1] ?? '';
  const [, table = '', text = ''] = /(\n\|[^]*\|\n)\n([^]*)/.exec(section) ?? [];
  const named = (of: string) => [...of.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name).sort();
  expect(named(table)).toEqual([...REQUEST_KINDS].sort());
  expect(named(text).filter((name) => name !== '--reason')).toEqual([...REQUEST_OUTCOMES].sort());
});

test('a request for several jobs is a row for each of them', async () => {
  const { ledger } = await aLedger();
  const jobKeys = ['one', 'two'].map(keyOf);
  await ledger.recordRequest({
    by: 'ann',
    what: 'retry',
    outcome: 'started',
    batch: NIGHTLY,
    work: WORK,
    jobKeys,
  });
  await ledger.recordRequest({
    by: 'ann',
    what: 'retry',
    outcome: 'done',
    batch: NIGHTLY,
    work: WORK,
    jobKeys: [],
  });

  expect((await ledger.requests()).map(({ jobKey }) => jobKey)).toEqual([...jobKeys, undefined]);
  expect(await ledger.requests({ work: WORK, jobKey: keyOf('two') })).toMatchObject([
    { what: 'retry', outcome: 'started', batch: NIGHTLY, work: WORK, jobKey: keyOf('two') },
  ]);
});

test('that a run was cancelled is kept once for each who asked and each reason, whoever tells it first', async () => {
  const { ledger } = await aLedger();
  const cancel = { what: 'cancel', outcome: 'answered', batch: NIGHTLY, runId: 'run-1', by: 'ann' } as const;
  const kept = async () =>
    (await ledger.requests()).map(({ at, by, reason }) => [at.slice(0, 4), by, reason]);
  for (const twice of [1, 2]) {
    await ledger.recordRequest({ ...cancel, reason: 'wrong list' }, '2025-11-23T02:00:00.000Z'); // by its run
    await ledger.recordRequest({ ...cancel, reason: 'wrong list' }); // by the command that asked
    await ledger.recordRequest(cancel);
    await ledger.recordRequest({ ...cancel, by: 'bob', reason: 'wrong list' });
    expect(await kept(), `told ${twice} times`).toEqual([
      ['2025', 'ann', 'wrong list'],
      [expect.anything(), 'ann', undefined],
      [expect.anything(), 'bob', 'wrong list'],
    ]);
  }
  await ledger.recordRequest({ ...cancel, runId: 'run-2' });
  await ledger.recordRequest({ ...cancel, outcome: 'ended' });
  await ledger.recordRequest({ ...cancel, outcome: 'ended' });
  expect(await kept()).toHaveLength(6);
});

test('they are found by batch, by its name, by batch key, by kind, by time, and the newest alone', async () => {
  const { ledger } = await aLedger();
  for (const batch of [NIGHTLY, WEEKLY, NIGHTLY]) {
    await ledger.recordRequest({ by: 'ann', what: 'start', outcome: 'started', batch });
    await ledger.recordRequest({ by: 'ann', what: 'cancel', outcome: 'answered', batch });
  }

  expect(await ledger.requests({ batchId: NIGHTLY.id })).toHaveLength(4);
  expect(await ledger.requests({ batchKey: WEEKLY.key })).toHaveLength(2);
  expect(await ledger.requests({ what: 'cancel' })).toHaveLength(3);
  expect(await ledger.requests({ batchId: 'batch:none' })).toEqual([]);
  expect(await ledger.requests({ batchName: WEEKLY.name })).toHaveLength(2);
  const all = await ledger.requests();
  expect(await ledger.requests({ limit: 2 })).toEqual(all.slice(-2));

  await ledger.recordRequest(
    { by: 'ann', what: 'start', outcome: 'joined', batch: WEEKLY },
    '2999-11-23T02:00:00.000Z',
  );
  const found = await ledger.requests({ what: 'start', since: '2999-11-23T02:00:00.000Z' });
  expect(found).toMatchObject([{ outcome: 'joined', batch: WEEKLY }]);
  expect(await ledger.requests({ since: '2999-11-23T02:00:00.001Z' })).toEqual([]);
});

test('a message that is noted again, as by an Activity that runs twice, is one request; another moment is another', async () => {
  const { ledger } = await aLedger();
  const asked = { by: 'ann', what: 'pause', outcome: 'done', batch: NIGHTLY, runId: 'run-1' } as const;
  const at = '2026-11-23T02:00:00.000Z';
  await ledger.recordRequest(asked, at);
  await ledger.recordRequest(asked, at);
  await ledger.recordRequest({ ...asked, what: 'resume' }, at);
  await ledger.recordRequest(asked, '2026-11-23T02:00:00.001Z');
  await ledger.recordRequest({ ...asked, runId: 'run-2' }, at);
  expect((await ledger.requests()).map(({ what, at: when, runId }) => [what, when, runId])).toEqual([
    ['pause', at, 'run-1'],
    ['resume', at, 'run-1'],
    ['pause', '2026-11-23T02:00:00.001Z', 'run-1'],
    ['pause', at, 'run-2'],
  ]);
});

test('SQL itself refuses to change, remove or replace a request', async () => {
  const { ledger, path } = await aLedger();
  await ledger.recordRequest({ by: 'ann', what: 'start', outcome: 'started', batch: NIGHTLY });
  const before = await ledger.requests();
  const raw = rawSql(path);

  await expect(raw(`update requests set requested_by = 'nobody'`)).rejects.toThrow(/update is not allowed/);
  await expect(raw('delete from requests')).rejects.toThrow(/delete is not allowed/);
  const replace = onPostgres()
    ? 'truncate requests'
    : 'insert or replace into requests select * from requests';
  await expect(raw(replace)).rejects.toThrow(/not allowed|exists already/);
  expect(await ledger.requests()).toEqual(before);
});
