// Effects and receipts: fences, revisions, and when a landing finishes the job.
import { describe, expect, test } from 'vitest';
import { StaleFence, type Ledger } from '../../src/ledger/ledger.js';
import type { JobState } from '../../src/contract/states.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  effectOf,
  jobOf,
  landed,
  openBatch,
  receiptOf,
  settlesOf,
  stateOf,
  WORK,
  keyOf,
} from './ledger-fixture.js';

const post = effectOf('one', 'post');
const mail = effectOf('one', 'mail');
const BODY = { sha256: 'b'.repeat(64), revision: 1 };

async function aRunningJob(): Promise<Ledger> {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one']);
  await claimed(ledger, 'one');
  return ledger;
}

test('an effect goes from pending over attempting to landed, and remembers its first sending', async () => {
  const ledger = await aRunningJob();
  const begun = await ledger.beginEffect(post, by());
  expect(begun).toEqual({
    ...post,
    state: 'pending',
    fence: 1,
    firstSentAt: undefined,
    attempts: 0,
    sentSha256: undefined,
    receipt: undefined,
  });

  await ledger.attemptingEffect(post.effectKey, BODY, 1);
  const second = await ledger.beginEffect(post, by());
  expect(second).toMatchObject({ state: 'attempting', fence: 2, attempts: 1, sentSha256: BODY.sha256 });
  expect(second.firstSentAt).toMatch(/^\d{4}-.*Z$/);

  await ledger.attemptingEffect(post.effectKey, BODY, 2);
  await ledger.landEffect(receiptOf(post), undefined, 2);
  expect(await ledger.beginEffect(post, by())).toMatchObject({
    state: 'landed',
    attempts: 2,
    firstSentAt: second.firstSentAt,
    receipt: receiptOf(post),
  });
  const rows = await ledger.history(jobOf('one'));
  expect(rows.filter((row) => row.kind === 'effect').map(({ from, to }) => [from, to])).toEqual([
    [undefined, 'pending'],
    ['pending', 'attempting'],
    ['attempting', 'attempting'],
    ['attempting', 'landed'],
  ]);
});

test('a try of the engine that comes late takes nothing from the one that is at work', async () => {
  const ledger = await aRunningJob();
  const { fence } = await ledger.beginEffect(post, by(BATCH, 2));
  await ledger.attemptingEffect(post.effectKey, BODY, fence);
  const head = await ledger.head();
  await expect(ledger.beginEffect(post, by(BATCH, 1))).rejects.toThrow(StaleFence);
  expect(await ledger.head()).toBe(head);
  await ledger.checkFence(post.effectKey, fence);

  // In another run the engine counts anew, and where a try has ended nobody is at work.
  expect(await ledger.beginEffect(post, { ...by(BATCH, 1), runId: 'run-2' })).toMatchObject({ fence: 2 });
  expect(await ledger.beginEffect(post, { ...by(BATCH, 5), runId: 'run-2' })).toMatchObject({ fence: 3 });
  const stop = { state: 'failed', errorClass: 'transient', message: 'x' } as const;
  await ledger.stopEffect(post.effectKey, stop, 3);
  expect(await ledger.beginEffect(post, { ...by(BATCH, 1), runId: 'run-2' })).toMatchObject({ fence: 4 });
});

test('a try that was passed over can write nothing about the effect', async () => {
  const ledger = await aRunningJob();
  const { fence: old } = await ledger.beginEffect(post, by());
  const { fence } = await ledger.beginEffect(post, by());
  const head = await ledger.head();

  await expect(ledger.attemptingEffect(post.effectKey, BODY, old)).rejects.toThrow(StaleFence);
  await expect(ledger.landEffect(receiptOf(post), settlesOf('one', [post]), old)).rejects.toThrow(StaleFence);
  const stop = { state: 'held', errorClass: 'unknown', message: 'x', job: { state: 'held' } } as const;
  await expect(ledger.stopEffect(post.effectKey, stop, old)).rejects.toThrow(StaleFence);

  expect(await ledger.head()).toBe(head);
  expect(await ledger.receipts({})).toEqual([]);
  await ledger.attemptingEffect(post.effectKey, BODY, fence);
});

describe('what a destination acknowledged', () => {
  const place = { id: 'p-7', url: 'https://blog.test/7' };

  async function acknowledgedPost(ledger: Ledger): Promise<number> {
    const { fence } = await ledger.beginEffect(post, by());
    await ledger.attemptingEffect(post.effectKey, BODY, fence);
    await ledger.acknowledgedEffect(post.effectKey, place, fence);
    return fence;
  }

  test('is known to the next try, and to a higher revision while nothing proves it', async () => {
    const ledger = await aRunningJob();
    const fence = await acknowledgedPost(ledger);
    const next = await ledger.beginEffect(post, by());
    expect(next).toMatchObject({ state: 'attempting', acknowledged: place });
    expect(next.acknowledged?.at).toMatch(/^\d{4}-.*Z$/);
    await expect(ledger.acknowledgedEffect(post.effectKey, place, fence)).rejects.toThrow(StaleFence);
    const refused = { state: 'failed', errorClass: 'invalid', message: 'x' } as const;
    await ledger.stopEffect(post.effectKey, refused, next.fence);
    const raised = await ledger.beginEffect(effectOf('one', 'post', 2), by());
    expect(raised).toMatchObject({ state: 'failed', acknowledged: place });
  });

  test('is forgotten by the revision after a receipt, and when a person says that it did not land', async () => {
    const ledger = await aRunningJob();
    const fence = await acknowledgedPost(ledger);
    const unknown = { state: 'unknown', errorClass: 'unknown', message: 'x' } as const;
    await ledger.stopEffect(post.effectKey, unknown, fence);
    await ledger.decideEffect(post.effectKey, { landed: false }, 'ann', 'looked');
    const afresh = await ledger.beginEffect(post, by());
    expect(afresh).toMatchObject({ state: 'pending', acknowledged: undefined });
    await ledger.attemptingEffect(post.effectKey, BODY, afresh.fence);
    await ledger.acknowledgedEffect(post.effectKey, place, afresh.fence);
    await ledger.landEffect(receiptOf(post), undefined, afresh.fence);
    const raised = await ledger.beginEffect(effectOf('one', 'post', 2), by());
    expect(raised).toMatchObject({ state: 'pending', acknowledged: undefined });
  });
});

describe('receipts', () => {
  test('the same object again changes nothing, another one is refused', async () => {
    const ledger = await aRunningJob();
    const { fence } = await ledger.beginEffect(post, by());
    const settles = settlesOf('one', [post]);
    expect(await ledger.landEffect(receiptOf(post, { url: 'http://x' }), settles, fence)).toEqual({
      jobDone: true,
    });
    const head = await ledger.head();

    expect(await ledger.landEffect(receiptOf(post, { url: 'http://x' }), settles, fence)).toEqual({
      jobDone: true,
    });
    const seenAgain = receiptOf(post, {
      url: 'http://x',
      adopted: true,
      landedAt: '2026-01-02T00:00:00.000Z',
    });
    expect(await ledger.landEffect(seenAgain, settles, fence)).toEqual({ jobDone: true });
    expect(await ledger.receipts({})).toMatchObject([receiptOf(post, { url: 'http://x' })]);
    const other = receiptOf(post, { id: 'another post' });
    await expect(ledger.landEffect(other, settles, fence)).rejects.toThrow(/receipts never change/);

    expect(await ledger.head()).toBe(head);
    expect(await ledger.receipts({})).toHaveLength(1);
  });

  test('tell what they are for, and are found by batch, work and job', async () => {
    const ledger = await aRunningJob();
    await landed(ledger, 'one');
    await claimed(ledger, 'two');
    await landed(ledger, 'two');

    const [one] = await ledger.receipts({ batchId: BATCH });
    expect(one).toEqual({
      ...receiptOf(post),
      batchId: BATCH,
      ...jobOf('one'),
      identity: { site: 'blog', category: 'a', slug: 'one' },
      name: 'post',
      target: './public',
      use: 'folder',
    });
    expect(await ledger.receipts({ batchId: BATCH })).toHaveLength(1);
    expect(await ledger.receipts({ work: WORK })).toHaveLength(2);
    expect(await ledger.receipts({ work: WORK, jobKey: keyOf('two') })).toHaveLength(1);
    expect(await ledger.receipts({ batchId: 'batch:none' })).toEqual([]);
  });

  test('of a revision that was not begun are refused', async () => {
    const ledger = await aRunningJob();
    const { fence } = await ledger.beginEffect(post, by());
    await expect(ledger.landEffect(receiptOf(post, { revision: 2 }), undefined, fence)).rejects.toThrow(
      /not begun/,
    );
    await expect(ledger.attemptingEffect(post.effectKey, { ...BODY, revision: 2 }, fence)).rejects.toThrow(
      /not begun/,
    );
  });
});

describe('revisions', () => {
  test('a higher one makes a landed effect pending again; both receipts stay', async () => {
    const ledger = await aRunningJob();
    await landed(ledger, 'one');
    await claimed(ledger, 'one', { revision: 2 });

    const begun = await ledger.beginEffect(effectOf('one', 'post', 2), by());
    expect(begun).toMatchObject({
      state: 'pending',
      revision: 2,
      firstSentAt: undefined,
      sentSha256: undefined,
      attempts: 1,
      receipt: receiptOf(post),
    });

    const update = effectOf('one', 'post', 2);
    const done = await ledger.landEffect(receiptOf(update), settlesOf('one', [update]), begun.fence);
    expect(done).toEqual({ jobDone: true });
    expect((await ledger.receipts({})).map((receipt) => receipt.revision)).toEqual([1, 2]);
  });

  test('a lower one is a conflict and changes nothing', async () => {
    const ledger = await aRunningJob();
    const { fence } = await ledger.beginEffect(effectOf('one', 'post', 2), by());
    await expect(ledger.beginEffect(post, by())).rejects.toMatchObject({ errorClass: 'conflict' });
    await ledger.attemptingEffect(post.effectKey, { ...BODY, revision: 2 }, fence);
  });

  test('an outcome that is not known stays unknown under a higher one', async () => {
    const ledger = await aRunningJob();
    const { fence } = await ledger.beginEffect(post, by());
    await ledger.attemptingEffect(post.effectKey, BODY, fence);
    await ledger.stopEffect(post.effectKey, { state: 'unknown', errorClass: 'unknown', message: 'x' }, fence);
    const begun = await ledger.beginEffect(effectOf('one', 'post', 2), by());
    expect(begun).toMatchObject({ state: 'unknown', revision: 2, sentSha256: BODY.sha256 });
    expect(begun.firstSentAt).toBeDefined();
  });

  test('a refusal is forgotten under a higher one', async () => {
    const ledger = await aRunningJob();
    const { fence } = await ledger.beginEffect(post, by());
    await ledger.attemptingEffect(post.effectKey, BODY, fence);
    await ledger.stopEffect(post.effectKey, { state: 'failed', errorClass: 'invalid', message: 'x' }, fence);
    expect(await ledger.beginEffect(effectOf('one', 'post', 2), by())).toMatchObject({
      state: 'pending',
      firstSentAt: undefined,
    });
  });
});

describe('a landing finishes the job', () => {
  test('when it was the last one missing, not before', async () => {
    const ledger = await aRunningJob();
    const settles = settlesOf('one', [post, mail]);
    const first = await ledger.beginEffect(post, by());
    expect(await ledger.landEffect(receiptOf(post), settles, first.fence)).toEqual({ jobDone: false });
    expect(await stateOf(ledger, 'one')).toBe('running');
    const second = await ledger.beginEffect(mail, by());
    expect(await ledger.landEffect(receiptOf(mail), settles, second.fence)).toEqual({ jobDone: true });
    expect(await stateOf(ledger, 'one')).toBe('done');
  });

  test('not while an effect has only landed at a lower revision', async () => {
    const ledger = await aRunningJob();
    await landed(ledger, 'one');
    await claimed(ledger, 'one', { revision: 2 });
    const update = effectOf('one', 'mail', 2);
    const { fence } = await ledger.beginEffect(update, by());
    const settles = settlesOf('one', [post, update], { revision: 2 });
    expect(await ledger.landEffect(receiptOf(update), settles, fence)).toEqual({ jobDone: false });
  });

  test('not when the job was claimed for a higher revision meanwhile', async () => {
    const ledger = await aRunningJob();
    const { fence } = await ledger.beginEffect(post, by());
    await claimed(ledger, 'one', { revision: 2 });
    const landing = await ledger.landEffect(receiptOf(post), settlesOf('one', [post]), fence);
    expect(landing).toEqual({ jobDone: false });
    expect(await stateOf(ledger, 'one')).toBe('running');
  });

  test.each(['waiting', 'gated', 'parked', 'held', 'cancelled', 'running'] as JobState[])(
    'also while it is %s',
    async (state) => {
      for (const end of ['done', 'adopted'] as const) {
        const ledger = await aRunningJob();
        await ledger.settleJob(jobOf('one'), { state, errorClass: 'transient', message: 'x' }, by());
        await landed(ledger, 'one', { adopted: end === 'adopted' });
        expect((await ledger.jobs(WORK, [keyOf('one')])).get(keyOf('one'))).toMatchObject({
          state: end,
          errorClass: undefined,
        });
      }
    },
  );

  test('as adopted only when nothing of it was sent by us', async () => {
    const ledger = await aRunningJob();
    const settles = settlesOf('one', [post, mail], { state: 'adopted' });
    const first = await ledger.beginEffect(post, by());
    await ledger.landEffect(receiptOf(post), settles, first.fence);
    const second = await ledger.beginEffect(mail, by());
    await ledger.landEffect(receiptOf(mail, { adopted: true }), settles, second.fence);
    expect(await stateOf(ledger, 'one')).toBe('done');
  });
});

test('a stopped effect takes the job with it in the same step', async () => {
  const ledger = await aRunningJob();
  const { fence } = await ledger.beginEffect(post, by());
  const held = { state: 'held', errorClass: 'unknown', message: 'ask a person' } as const;
  await ledger.stopEffect(post.effectKey, { ...held, job: held }, fence);
  expect((await ledger.jobs(WORK, [keyOf('one')])).get(keyOf('one'))).toMatchObject({
    state: 'held',
    errorClass: 'unknown',
    errorMessage: 'ask a person',
    effects: new Map([[post.effectKey, { state: 'held', revision: 1 }]]),
  });
});

test('an effect of a job that is not in the ledger is refused', async () => {
  const { ledger } = await aLedger();
  await expect(ledger.beginEffect(post, by())).rejects.toThrow();
  await expect(ledger.landEffect(receiptOf(post), undefined, 1)).rejects.toThrow(/begin it first/);
});
