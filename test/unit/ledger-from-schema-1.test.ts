// A ledger that the first release wrote, with rows in every state, opened by this one: all of it is still there.
import { expect, test } from 'vitest';
import { openPostgres } from '../../src/ledger/dialect-postgres.js';
import { openSqlite } from '../../src/ledger/dialect-sqlite.js';
import { migrate, MIGRATIONS } from '../../src/ledger/migrate.js';
import { createStore } from '../../src/ledger/store.js';
import {
  aLedger,
  aPlace,
  BATCH,
  by,
  claimed,
  effectOf,
  FINGERPRINT,
  identityOf,
  keyOf,
  landed,
  onPostgres,
  rawSql,
  receiptOf,
  stateOf,
  WORK,
} from './ledger-fixture.js';

const AT = '2026-01-02T03:04:05.000Z';
const LATER = '2026-01-02T04:00:00.000Z';

/** As the first release wrote them; `receipts` stands in for its own trigger-numbered entry of history. */
async function aLedgerOfSchema1(): Promise<string> {
  const path = await aPlace();
  const dialect = await (onPostgres() ? openPostgres(path) : openSqlite(path));
  await migrate(
    dialect,
    createStore(dialect, () => new Date(AT)),
    MIGRATIONS.slice(0, 1),
  );
  await dialect.db.destroy();

  const raw = rawSql(path);
  const insert = (table: string, row: Readonly<Record<string, string | number | null>>) =>
    raw(
      `insert into ${table} (${Object.keys(row).join(', ')}) values (${Object.keys(row)
        .map(() => '?')
        .join(', ')})`,
      ...Object.values(row),
    );
  const changed = { updated_at: AT, updated_by: 'worker-1', detail: null };
  await insert('batches', {
    id: BATCH,
    name: 'nightly',
    batch_key: keyOf('batch'),
    work: WORK,
    run_id: 'run-1',
    manifest: '{"v":1}',
    jobs: 2,
    currency: 'EUR',
    state: 'running',
    opened_seq: 0,
    opened_at: AT,
    opened_by: 'ann',
    ...changed,
  });
  for (const [position, slug] of ['one', 'two'].entries()) {
    const identity = JSON.stringify(identityOf(slug));
    const job = { work: WORK, job_key: keyOf(slug) };
    await insert('batch_jobs', { batch_id: BATCH, position, ...job, identity, verdict: 'new' });
    await insert('jobs', {
      ...job,
      identity,
      fingerprint: FINGERPRINT,
      revision: 1,
      state: 'running',
      fence: 3,
      batch_id: BATCH,
      claimed_by: 'worker-1',
      step: 'post',
      last_attempt: 0,
      budget_from_attempt: 1,
      ...changed,
    });
    const { effectKey, name, target, use } = effectOf(slug);
    await insert('effects', {
      effect_key: effectKey,
      ...job,
      position: 1,
      name,
      target,
      use,
      revision: 1,
      state: slug === 'one' ? 'landed' : 'attempting',
      fence: 2,
      batch_id: BATCH,
      claimed_by: 'worker-1',
      first_sent_at: AT,
      attempts: 1,
      sent_sha256: 'b'.repeat(64),
      landed_revision: slug === 'one' ? 1 : null,
      ...changed,
      updated_at: LATER,
    });
  }
  const { effectKey, id, sha256, landedAt } = { ...receiptOf(effectOf('one')) };
  await insert('receipts', {
    effect_key: effectKey,
    revision: 1,
    id,
    sha256,
    landed_at: landedAt,
    adopted: 0,
    work: WORK,
    job_key: keyOf('one'),
    batch_id: BATCH,
    recorded_at: AT,
    recorded_by: 'worker-1',
    recorded_seq: 1,
  });
  await raw(`update jobs set state = 'done' where job_key = '${keyOf('one')}'`);
  return path;
}

test('everything is found, and goes on from where it was', async () => {
  const path = await aLedgerOfSchema1();
  const before = await rawSql(path)('select * from history order by seq');

  const { ledger } = await aLedger(path);

  expect(await ledger.inspect()).toMatchObject({ schemaVersion: String(MIGRATIONS.length), problems: [] });
  expect(await rawSql(path)('select * from history order by seq')).toEqual(before);
  expect(await ledger.latestBatch('nightly')).toMatchObject({ id: BATCH, state: 'running', openedBy: 'ann' });
  expect(await ledger.counts(BATCH, 0)).toMatchObject({ jobs: 2, done: 1, running: 1 });
  const [receipt] = await ledger.receipts({ batchId: BATCH });
  expect(receipt).toEqual({
    ...receiptOf(effectOf('one')),
    batchId: BATCH,
    work: WORK,
    jobKey: keyOf('one'),
    identity: identityOf('one'),
    name: 'post',
    target: './public',
    use: 'folder',
  });

  const sent = await ledger.beginEffect(effectOf('two'), by());
  expect(sent).toMatchObject({
    state: 'attempting',
    fence: 3,
    firstSentAt: AT,
    unpublishedRevision: undefined,
  });
  await landed(ledger, 'two');
  expect(await stateOf(ledger, 'two')).toBe('done');
  expect((await claimed(ledger, 'three')).fence).toBe(1);
});

test('what was sent counts as sent at the last moment that it can have been', async () => {
  const { ledger } = await aLedger(await aLedgerOfSchema1());
  expect((await ledger.beginEffect(effectOf('two'), by())).lastSentAt).toBe(LATER);
});

test('receipts from before signing are handed over as unsigned', async () => {
  const { ledger } = await aLedger(await aLedgerOfSchema1());
  let unsigned = 0;
  await ledger.evidence(
    {},
    {
      begin: async (about) => void (unsigned = about.unsigned),
      receipts: async (rows) => expect(rows).toMatchObject([{ batchId: BATCH, recordedAt: AT }]),
      history: async () => undefined,
    },
  );
  expect(unsigned).toBe(1);
});
