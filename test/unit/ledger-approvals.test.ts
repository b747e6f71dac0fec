// Effects that leave only with a person's yes, as the ledger keeps them.
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { KyselyPlugin } from 'kysely';
import type { OnTimeout } from '../../src/contract/approval.js';
import { approvals } from '../../src/ledger/approvals.js';
import { openPostgres } from '../../src/ledger/dialect-postgres.js';
import { openSqlite } from '../../src/ledger/dialect-sqlite.js';
import type { ApprovalRequest, Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { createStore } from '../../src/ledger/store.js';
import {
  BATCH,
  by,
  NOBODY,
  aLedger,
  aPlace,
  claimed,
  effectOf,
  jobOf,
  keyOf,
  landed,
  onPostgres,
  openBatch,
  placeOf,
  startedSession,
  stateOf,
} from './ledger-fixture.js';

const requestOf = (slug: string, more: Partial<ApprovalRequest> = {}): ApprovalRequest => {
  const { effectKey, name, target, use, revision } = effectOf(slug);
  const sent = { requestSha256: 'd'.repeat(64), artifact: 'a'.repeat(64), batchId: BATCH };
  return { ...jobOf(slug), effectKey, name, target, use, revision, ...sent, onTimeout: 'hold', ...more };
};

async function asking(...slugs: readonly string[]): Promise<Ledger> {
  const { ledger } = await aLedger();
  await openBatch(ledger, slugs);
  for (const slug of slugs) {
    await claimed(ledger, slug);
    await ledger.askApproval(requestOf(slug), NOBODY);
  }
  return ledger;
}
const ask = (ledger: Ledger, slug: string, more: Partial<ApprovalRequest> = {}) =>
  ledger.askApproval(requestOf(slug, more), NOBODY);
const say = (ledger: Ledger, slug: string, decision: 'approved' | 'rejected', reason = '') =>
  ledger.decideApproval(requestOf(slug), decision, 'ann', reason);

test('a job waits as gated until the yes, is asked for once, and goes on after it', async () => {
  const ledger = await asking('one', 'two');
  expect(await ask(ledger, 'one')).toMatchObject({ kind: 'waiting' });
  expect((await ledger.approvals({ batchId: BATCH })).map(({ jobKey }) => jobKey).sort()).toEqual(
    [keyOf('one'), keyOf('two')].sort(),
  );
  expect(await stateOf(ledger, 'one')).toBe('gated');
  expect(await ledger.approvals({ batchId: 'batch:other:1' })).toEqual([]);

  expect(await say(ledger, 'one', 'approved', 'fine')).toEqual({ kind: 'decided', jobHeld: false });
  expect(await ask(ledger, 'one')).toEqual({ kind: 'approved' });
  expect(await stateOf(ledger, 'one')).toBe('running');
  expect(await ledger.approvals({ batchId: BATCH })).toHaveLength(1);
});

test('the first answer stands; the second is told who gave it, when and why', async () => {
  const ledger = await asking('one');
  await say(ledger, 'one', 'rejected', 'wrong price');
  const again = await ledger.decideApproval(requestOf('one'), 'approved', 'bob', '');
  expect(again).toMatchObject({ kind: 'already', state: 'rejected', by: 'ann', reason: 'wrong price' });
  expect(await ask(ledger, 'one')).toMatchObject({
    kind: 'held',
    errorClass: 'rejected',
    message: 'post: rejected by ann: wrong price',
  });
  expect(await stateOf(ledger, 'one')).toBe('held');
});

test('of two answers at one moment, one counts and the other is told so', async () => {
  const ledger = await asking('one');
  const both = await Promise.all([say(ledger, 'one', 'approved'), say(ledger, 'one', 'rejected')]);
  expect(both.map(({ kind }) => kind).sort()).toEqual(['already', 'decided']);
});

test('an answer is about one exact request: another artifact or other options are asked for anew', async () => {
  const ledger = await asking('one');
  await say(ledger, 'one', 'approved');
  const other = { requestSha256: 'e'.repeat(64), artifact: 'b'.repeat(64) };
  expect(await ask(ledger, 'one', other)).toMatchObject({ kind: 'waiting' });
  expect(await ask(ledger, 'one', { requestSha256: 'f'.repeat(64) })).toMatchObject({ kind: 'waiting' });
  const states = (await ledger.approvals({ waiting: false })).map(({ state }) => state);
  expect(states.sort()).toEqual(['approved', 'replaced', 'waiting']);
  const late = await ledger.decideApproval({ ...requestOf('one'), ...other }, 'approved', 'ann', '');
  expect(late).toMatchObject({ kind: 'already', state: 'replaced' });
});

test('a request that another had replaced is asked for again when its job comes back to it', async () => {
  const ledger = await asking('one');
  const other = { requestSha256: 'e'.repeat(64) };
  await ask(ledger, 'one', other);
  const batchId = 'batch:nightly:2';
  expect(await ask(ledger, 'one', { batchId })).toMatchObject({ kind: 'waiting' });
  expect(await ledger.approvals()).toMatchObject([{ ...requestOf('one'), batchId, decidedAt: undefined }]);
  const late = await ledger.decideApproval({ ...requestOf('one'), ...other }, 'approved', 'ann', '');
  expect(late).toMatchObject({ kind: 'already', state: 'replaced' });
  expect(await say(ledger, 'one', 'approved')).toMatchObject({ kind: 'decided' });

  await ask(ledger, 'one', other);
  expect(await ledger.approvals()).toHaveLength(1);
  expect(await ask(ledger, 'one')).toEqual({ kind: 'approved' });
  expect(await ledger.approvals()).toEqual([]);
});

test('a request asked for again has its whole time, and then ends as its batch says', async () => {
  let now = new Date('2026-11-28T00:00:00Z');
  const ledger = await openLedger({ ...placeOf(await aPlace()), now: () => now });
  await openBatch(ledger, ['one']);
  await claimed(ledger, 'one');
  const limited = { timeoutMs: 60_000, onTimeout: 'approve' } as const;
  await ask(ledger, 'one', limited);
  await ask(ledger, 'one', { ...limited, requestSha256: 'e'.repeat(64) });
  now = new Date('2026-11-28T00:10:00Z');
  expect(await ask(ledger, 'one', limited)).toMatchObject({ kind: 'waiting', delayMs: 60_000 });
  now = new Date('2026-11-28T00:11:00Z');
  expect(await ask(ledger, 'one', limited)).toEqual({ kind: 'approved' });
  await ledger.close();
});

test('what nobody answers in time is held, let go, or rejected, as the batch says; a late yes is still good', async () => {
  let now = new Date('2026-11-28T00:00:00Z');
  const ledger = await openLedger({ ...placeOf(await aPlace()), now: () => now });
  await openBatch(ledger, ['hold', 'approve', 'reject']);
  for (const onTimeout of ['hold', 'approve', 'reject'] as const) {
    await claimed(ledger, onTimeout);
    const asked = await ask(ledger, onTimeout, { timeoutMs: 60_000, onTimeout });
    expect(asked).toMatchObject({ kind: 'waiting', delayMs: 60_000 });
  }
  const again = (onTimeout: OnTimeout) => ask(ledger, onTimeout, { timeoutMs: 60_000, onTimeout });
  now = new Date('2026-11-28T00:00:59Z');
  expect(await again('approve')).toMatchObject({ kind: 'waiting', delayMs: 1000 });
  now = new Date('2026-11-28T00:01:00Z');
  expect(await again('hold')).toMatchObject({ kind: 'held', errorClass: 'timeout' });
  expect(await again('approve')).toEqual({ kind: 'approved' });
  expect(await again('reject')).toMatchObject({ kind: 'held', errorClass: 'rejected' });

  expect(await say(ledger, 'hold', 'approved')).toEqual({ kind: 'decided', jobHeld: true });
  expect(await stateOf(ledger, 'hold')).toBe('waiting');
  await ledger.close();
});

test('a pause uses up nothing of the time for an answer', async () => {
  let now = new Date('2026-11-28T00:00:00Z');
  const ledger = await openLedger({ ...placeOf(await aPlace()), now: () => now });
  onTestFinished(() => ledger.close());
  await openBatch(ledger, ['one']);
  await claimed(ledger, 'one');
  const limited = { timeoutMs: 3_600_000, onTimeout: 'approve' } as const;
  const due = async () => (await ledger.approvals({ batchId: BATCH })).map(({ dueAt }) => dueAt);
  await ask(ledger, 'one', limited);
  expect(await due()).toEqual(['2026-11-28T01:00:00.000Z']);
  now = new Date('2026-11-28T00:30:00Z');
  await ledger.setBatchState(BATCH, 'paused', 'ann');
  await ledger.placeHold({ kind: 'all' }, 'freeze', 'ann'); // on top of it: the time counts once
  now = new Date('2026-11-28T12:30:00Z');
  expect(await due(), 'so far').toEqual(['2026-11-28T13:00:00.000Z']);
  await ledger.liftHold({ kind: 'all' }, 'ann');
  now = new Date('2026-11-29T00:30:00Z');
  await ledger.setBatchState(BATCH, 'running', 'ann');
  now = new Date('2026-11-29T00:45:00Z');
  expect(await ask(ledger, 'one', limited)).toMatchObject({ kind: 'waiting', delayMs: 15 * 60_000 });
  expect(await due()).toEqual(['2026-11-29T01:00:00.000Z']);
  now = new Date('2026-11-29T01:00:00Z');
  expect(await ask(ledger, 'one', limited)).toEqual({ kind: 'approved' });
});

test('each question has the pauses of its own batch and agent, after its own beginning; an answered one is as it was', async () => {
  let now = new Date('2026-11-28T00:00:00Z');
  const ledger = await openLedger({ ...placeOf(await aPlace()), now: () => now });
  onTestFinished(() => ledger.close());
  const other = 'batch:other:1';
  await openBatch(ledger, ['one', 'two', 'late', 'rival', 'answered']);
  await openBatch(ledger, ['elsewhere'], { id: other, name: 'other' });
  const limited = { timeoutMs: 3_600_000, onTimeout: 'hold' } as const;
  const asked = async (slug: string, provider: string, batchId = BATCH) => {
    const claim = await claimed(ledger, slug, { by: by(batchId) });
    await startedSession(ledger, slug, claim, { provider, batchId });
    await ask(ledger, slug, { ...limited, batchId });
  };
  await asked('one', 'claude');
  await asked('two', 'claude');
  await asked('rival', 'gemini');
  await asked('answered', 'claude');
  await asked('elsewhere', 'claude', other);
  await say(ledger, 'answered', 'approved');
  await ledger.placeHold({ kind: 'provider', name: 'gemini' }, 'freeze', 'ann');
  await ledger.setBatchState(BATCH, 'paused', 'ann');
  now = new Date('2026-11-28T00:30:00Z');
  await asked('late', 'claude');
  now = new Date('2026-11-28T02:00:00Z');
  await ledger.setBatchState(BATCH, 'running', 'ann');
  now = new Date('2026-11-28T03:00:00Z');
  const all = await ledger.approvals({ waiting: false });
  const dueOf = (slug: string) =>
    all.find(({ jobKey }) => jobKey === keyOf(slug))?.dueAt?.slice('2026-11-28T'.length, -8);
  expect(
    Object.fromEntries(
      ['one', 'two', 'late', 'rival', 'elsewhere', 'answered'].map((slug) => [slug, dueOf(slug)]),
    ),
  ).toEqual({
    one: '03:00',
    two: '03:00',
    late: '03:00', // 01:30, and an hour and a half of the pause
    rival: '04:00',
    elsewhere: '01:00',
    answered: '01:00',
  });
});

test('a list asks for no more where more jobs wait: many may, and each look at a batch reads it', async () => {
  const path = await aPlace();
  const { ledger } = await aLedger(path);
  const dialect = await (onPostgres() ? openPostgres(path) : openSqlite(path));
  onTestFinished(() => dialect.db.destroy());
  const store = createStore(dialect, () => new Date());
  let queries = 0;
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => (queries++, node),
    transformResult: ({ result }) => Promise.resolve(result),
  };
  const read: typeof store.read = (body) => store.read((db) => body(db.withPlugin(counting)));
  const list = async () => {
    queries = 0;
    const listed = await approvals({ ...store, read }).approvals({ batchId: BATCH });
    return { listed: listed.length, queries };
  };
  const slugs = Array.from({ length: 20 }, (_, at) => `job-${at}`);
  await openBatch(ledger, slugs);
  let ofOne = { listed: 0, queries: 0 };
  for (const slug of slugs) {
    await claimed(ledger, slug);
    await ask(ledger, slug, { timeoutMs: 3_600_000 });
    if (slug === 'job-0') ofOne = await list();
  }
  expect(ofOne.listed).toBe(1);
  expect(await list()).toEqual({ listed: 20, queries: ofOne.queries });
});

test('a rejected job that is given a new try is asked for again', async () => {
  const ledger = await asking('one');
  await say(ledger, 'one', 'rejected');
  await ask(ledger, 'one');
  expect(await ledger.requeue(BATCH, 'ann', { keys: [keyOf('one')] })).toEqual([keyOf('one')]);
  expect((await ledger.approvals({ batchId: BATCH })).map(({ state }) => state)).toEqual(['waiting']);
});

describe('time limits', () => {
  const LIMITED = { timeoutMs: 60_000, onTimeout: 'hold' } as const;
  let now: Date;
  let ledger: Ledger;
  beforeEach(async () => {
    now = new Date('2026-11-28T00:00:00Z');
    const opened = await openLedger({ ...placeOf(await aPlace()), now: () => now });
    onTestFinished(() => opened.close());
    ledger = opened;
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
  });
  const later = (minutes: number) => (now = new Date(now.getTime() + minutes * 60_000));
  /** A person has the job tried again, and its next start comes as far as before. */
  async function retried(): Promise<void> {
    await ledger.requeue(BATCH, 'ann', { keys: [keyOf('one')] });
    await claimed(ledger, 'one');
  }

  test('hold for a rejected job that is given a new try', async () => {
    await ask(ledger, 'one', LIMITED);
    await say(ledger, 'one', 'rejected');
    await ask(ledger, 'one', LIMITED);
    await retried();
    later(10);
    expect(await ask(ledger, 'one', LIMITED)).toMatchObject({ kind: 'waiting', delayMs: 60_000 });
    later(1);
    expect(await ask(ledger, 'one', LIMITED)).toMatchObject({ kind: 'held', errorClass: 'timeout' });
  });

  test('begin anew for a job that nobody answered and that is given a new try', async () => {
    await ask(ledger, 'one', LIMITED);
    later(1);
    expect(await ask(ledger, 'one', LIMITED)).toMatchObject({ kind: 'held' });
    await retried();
    later(10);
    expect(await ask(ledger, 'one', LIMITED)).toMatchObject({ kind: 'waiting', delayMs: 60_000 });
    expect(await stateOf(ledger, 'one')).toBe('gated');
  });

  test('that come or change with the batch file hold for what was asked before, from then on', async () => {
    await ask(ledger, 'one');
    later(60);
    const letGo = { timeoutMs: 120_000, onTimeout: 'approve' } as const;
    expect(await ask(ledger, 'one', LIMITED)).toMatchObject({ kind: 'waiting', delayMs: 60_000 });
    later(60);
    expect(await ask(ledger, 'one', letGo)).toMatchObject({ kind: 'waiting', delayMs: 120_000 });
    later(60);
    expect(await ask(ledger, 'one')).toMatchObject({ kind: 'waiting', delayMs: undefined });
  });
});

test('what waits is listed while its job may go on: not of one that was cancelled, discarded, or is done', async () => {
  const ledger = await asking('one', 'cancelled', 'discarded', 'done');
  await ledger.settleJob(jobOf('cancelled'), { state: 'cancelled' }, by());
  await ledger.settleJob(jobOf('done'), { state: 'done' }, by());
  await ask(ledger, 'discarded', { timeoutMs: 0 });
  const row = await ledger.batch(BATCH);
  if (!row) throw new Error('the batch is gone');
  const selection = { keys: [keyOf('discarded')] };
  expect(await ledger.discard(row, { by: 'ann', reason: 'not wanted', selection })).toMatchObject([
    { outcome: 'discarded' },
  ]);
  for (const batch of [{}, { batchId: BATCH }])
    expect((await ledger.approvals(batch)).map(({ jobKey }) => jobKey)).toEqual([keyOf('one')]);

  // Their next start asks, and so they are listed again.
  await claimed(ledger, 'cancelled');
  await ledger.requeue(BATCH, 'ann', selection);
  const keys = (await ledger.approvals()).map(({ jobKey }) => jobKey);
  expect(keys.sort()).toEqual([keyOf('one'), keyOf('cancelled'), keyOf('discarded')].sort());
});

test('who looks is told what would be changed: the revision that is there, and where', async () => {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one']);
  await claimed(ledger, 'one');
  await landed(ledger, 'one');
  await claimed(ledger, 'one', { revision: 2, fingerprint: 'e'.repeat(64) });
  await ask(ledger, 'one', { revision: 2 });
  expect((await ledger.approvals())[0]).toMatchObject({
    revision: 2,
    updates: { revision: 1, place: 'id-post', sha256: 'b'.repeat(64) },
  });
});

test('each answer is in the audit with who, when and why', async () => {
  const ledger = await asking('one');
  await say(ledger, 'one', 'approved', 'looks right');
  const requests = await ledger.requests({ jobKey: keyOf('one') });
  expect(requests.at(-1)).toMatchObject({
    by: 'ann',
    what: 'approve',
    reason: expect.stringContaining('looks right') as string,
  });
});
