// What was written stays: SQL itself refuses to change or remove it, whoever is connected.
import { expect, test } from 'vitest';
import {
  aLedger,
  by,
  claimed,
  collected,
  effectOf,
  jobOf,
  landed,
  onPostgres,
  openBatch,
  rawSql,
  startedSession,
} from './ledger-fixture.js';

async function aFilledLedger() {
  const { ledger, path } = await aLedger();
  await openBatch(ledger, ['one']);
  const claim = await claimed(ledger, 'one');
  await ledger.endSession(await startedSession(ledger, 'one', claim), collected(), claim.fence);
  await landed(ledger, 'one');
  return { ledger, raw: rawSql(path) };
}

test.each(['history', 'receipts', 'attempts', 'batches', 'jobs', 'sessions', 'effects'])(
  'no row of %s is deleted or replaced',
  async (table) => {
    const { raw } = await aFilledLedger();
    const rows = () => raw(`select * from ${table}`);
    const before = await rows();
    expect(before).not.toHaveLength(0);
    await expect(raw(`delete from ${table}`)).rejects.toThrow(/delete is not allowed/);
    for (const replace of replacements(table)) {
      await expect(raw(replace)).rejects.toThrow(/exists already|truncate is not allowed|duplicate key/);
    }
    expect(await rows()).toEqual(before);
  },
);

/** Ways to be rid of rows that are no DELETE. */
const replacements = (table: string): string[] =>
  onPostgres()
    ? [`truncate ${table} cascade`, `insert into ${table} select * from ${table}`]
    : [`insert or replace into ${table} select * from ${table}`];

test.each(['history', 'receipts'])('no row of %s is changed', async (table) => {
  const { raw } = await aFilledLedger();
  const [row = {}] = await raw(`select * from ${table}`);
  expect(Object.keys(row)).not.toHaveLength(0);
  for (const column of Object.keys(row)) {
    await expect(raw(`update ${table} set "${column}" = "${column}"`), column).rejects.toThrow(/not allowed/);
  }
});

test('an attempt gets its outcome once, and nothing else of it changes', async () => {
  const { ledger, raw } = await aFilledLedger();
  const outcomes = () => raw('select step, number, outcome from attempts order by started_at, step');
  expect(await outcomes()).toEqual([
    { step: 'agent', number: 1, outcome: 'collected' },
    { step: 'post', number: 1, outcome: 'landed' },
  ]);
  await expect(raw(`update attempts set outcome = 'lost'`)).rejects.toThrow(/outcome once/);

  await claimed(ledger, 'two');
  for (const column of ['worker', 'started_at', 'number', 'step', 'run_id']) {
    const change = `update attempts set "${column}" = '9', outcome = 'lost' where outcome is null`;
    await expect(raw(change), column).rejects.toThrow(/changes in nothing else/);
  }
  await raw(`update attempts set outcome = 'lost' where outcome is null`);
});

test('each try is on record with who made it and how it ended', async () => {
  const { ledger, path } = await aLedger();
  await claimed(ledger, 'one', { by: { ...by(), attempt: 1, worker: 'a' } });
  const second = await claimed(ledger, 'one', { by: { ...by(), attempt: 2, worker: 'b' } });
  await ledger.endSession(await startedSession(ledger, 'one', second), collected(), second.fence);
  await claimed(ledger, 'one', { by: { ...by(), attempt: 3, worker: 'c' } });
  const effect = effectOf('one');
  const { fence } = await ledger.beginEffect(effect, by());
  await ledger.stopEffect(effect.effectKey, { state: 'held', errorClass: 'conflict', message: 'x' }, fence);
  await ledger.beginEffect(effect, by());

  const columns = 'step, number, activity_attempt as attempt, worker, outcome';
  expect(await rawSql(path)(`select ${columns} from attempts order by step, number`)).toEqual([
    { step: 'agent', number: 1, attempt: 1, worker: 'a', outcome: 'superseded' },
    { step: 'agent', number: 2, attempt: 2, worker: 'b', outcome: 'collected' },
    { step: 'agent', number: 3, attempt: 3, worker: 'c', outcome: 'reused' },
    { step: 'post', number: 1, attempt: 1, worker: '1@host', outcome: 'held' },
    { step: 'post', number: 2, attempt: 1, worker: '1@host', outcome: null },
  ]);
});

test('history tells the story of a job in order, and who wrote each line', async () => {
  const { ledger } = await aFilledLedger();
  const story = await ledger.history(jobOf('one'));
  expect(story.map(({ kind, from, to }) => `${kind}: ${from ?? ''} -> ${to}`)).toEqual([
    'job:  -> running',
    'session:  -> intent',
    'session: intent -> started',
    'session: started -> collected',
    'effect:  -> pending',
    'effect: pending -> attempting',
    'effect: attempting -> landed',
    'job: running -> done',
  ]);
  expect(new Set(story.map((row) => row.by))).toEqual(new Set(['job:article, run run-1, attempt 1, 1@host']));
  expect(story.map((row) => row.seq)).toEqual([...story.map((row) => row.seq)].sort((a, b) => a - b));
  expect(await ledger.history({ ...jobOf('one'), limit: 2 })).toEqual(story.slice(-2));
  expect((await ledger.history({ batchId: 'batch:nightly:1' })).map((row) => row.kind)).toEqual([
    'batch',
    ...story.map((row) => row.kind),
  ]);
});
