// What people decide about effects of unknown outcome, and what is known of effects that were sent or taken back.
import { describe, expect, onTestFinished, test } from 'vitest';
import { UsageError } from '../../src/contract/errors.js';
import { StaleFence, type EffectId, type Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import {
  aLedger,
  aPlace,
  BATCH,
  by,
  claimed,
  collected,
  effectOf,
  jobOf,
  keyOf,
  landed,
  member,
  openBatch,
  placeOf,
  receiptOf,
  settlesOf,
  startedSession,
  stateOf,
  WORK,
} from './ledger-fixture.js';

const post = effectOf('one', 'post');
const mail = effectOf('one', 'mail');
const ARTIFACT = 'a'.repeat(64);
const SENT = 'b'.repeat(64);
const YES = { landed: true, id: 'msg-7', url: 'https://mail.example/7' } as const;
const NO = { landed: false } as const;
const question = { errorClass: 'unknown', message: 'no answer, and it can’t be asked' } as const;

/** A job whose agent has delivered, and whose effect was sent without an answer. */
async function inDoubt(
  effect: EffectId = post,
  { held = true } = {},
): Promise<{ ledger: Ledger; fence: number }> {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one', 'two']);
  const claim = await claimed(ledger, 'one');
  await ledger.endSession(await startedSession(ledger, 'one', claim), collected(), claim.fence);
  return { ledger, fence: await sentUnanswered(ledger, effect, held) };
}

async function sentUnanswered(ledger: Ledger, effect: EffectId, held: boolean): Promise<number> {
  const { fence } = await ledger.beginEffect(effect, by());
  await ledger.attemptingEffect(effect.effectKey, { sha256: SENT, revision: effect.revision }, fence);
  const stop = { state: held ? 'held' : 'unknown', ...question } as const;
  await ledger.stopEffect(
    effect.effectKey,
    held ? { ...stop, job: { state: 'held', ...question } } : stop,
    fence,
  );
  return fence;
}

describe('open questions', () => {
  test('say all that a person must know to look and answer', async () => {
    const { ledger } = await inDoubt();
    const [open, ...others] = await ledger.openQuestions();

    expect(others).toEqual([]);
    expect(open).toMatchObject({
      ...post,
      identity: { site: 'blog', category: 'a', slug: 'one' },
      state: 'held',
      jobState: 'held',
      batchId: BATCH,
      attempts: 1,
      message: question.message,
    });
    expect(open?.firstSentAt).toMatch(/^\d{4}-.*Z$/);
    expect(open?.lastSentAt).toBe(open?.firstSentAt);
  });

  test('are of unknown outcome only, not of effects held for another reason', async () => {
    const { ledger } = await inDoubt(post, { held: false });
    await claimed(ledger, 'two');
    const other = effectOf('two');
    const { fence } = await ledger.beginEffect(other, by());
    await ledger.stopEffect(
      other.effectKey,
      { state: 'held', errorClass: 'conflict', message: 'somebody else’s' },
      fence,
    );

    expect(await ledger.openQuestions()).toMatchObject([
      { effectKey: post.effectKey, state: 'unknown', jobState: 'running' },
    ]);
  });

  test('of a batch are those of the jobs that it names', async () => {
    const { ledger } = await inDoubt();
    await openBatch(ledger, ['two'], { id: 'batch:other:1', name: 'other' });
    expect(await ledger.openQuestions(BATCH)).toHaveLength(1);
    expect(await ledger.openQuestions('batch:other:1')).toEqual([]);
  });
});

describe('"it landed"', () => {
  test('is a receipt that names who said so, and the job is done when nothing else is missing', async () => {
    const { ledger } = await inDoubt();
    const settles = settlesOf('one', [post]);

    expect(await ledger.decideEffect(post.effectKey, YES, 'ann', 'seen in the outbox', settles)).toEqual({
      jobState: 'done',
    });

    expect(await ledger.receipts({})).toMatchObject([
      { ...post, id: 'msg-7', url: YES.url, sha256: ARTIFACT, adopted: true, decidedBy: 'ann' },
    ]);
    expect(await ledger.openQuestions()).toEqual([]);
    const known = (await ledger.jobs(WORK, [keyOf('one')])).get(keyOf('one'));
    expect(known).toMatchObject({ state: 'done', errorClass: undefined });
    const [row] = (await ledger.history(jobOf('one'))).filter(({ to }) => to === 'landed');
    expect(row).toMatchObject({ from: 'held', by: 'ann', subject: post.effectKey });
    expect(row?.detail).toMatch(/decided.*msg-7.*seen in the outbox/);
    expect(await ledger.requests({ jobKey: keyOf('one') })).toMatchObject([
      { by: 'ann', what: 'decide', outcome: 'done', batch: { id: BATCH, name: 'nightly' }, runId: 'run-1' },
    ]);
  });

  test('leaves the job waiting when another effect is missing; its next start finds the receipt', async () => {
    const { ledger } = await inDoubt();
    const settles = settlesOf('one', [post, mail]);

    const end = await ledger.decideEffect(post.effectKey, YES, 'ann', 'seen', settles);

    expect(end).toEqual({ jobState: 'waiting' });
    expect((await claimed(ledger, 'one')).artifact?.sha256).toBe(ARTIFACT);
    expect(await ledger.beginEffect(post, by())).toMatchObject({
      state: 'landed',
      receipt: { id: 'msg-7', adopted: true },
    });
  });

  test('without knowing what else the job has, leaves the job waiting', async () => {
    const { ledger } = await inDoubt();
    expect(await ledger.decideEffect(post.effectKey, YES, 'ann', 'seen')).toEqual({ jobState: 'waiting' });
  });

  test('said twice changes nothing the second time; said otherwise is refused', async () => {
    const { ledger } = await inDoubt();
    await ledger.decideEffect(post.effectKey, YES, 'ann', 'seen', settlesOf('one', [post]));
    const head = await ledger.head();
    const requests = await ledger.requests();

    expect(await ledger.decideEffect(post.effectKey, YES, 'ann', 'seen')).toEqual({ jobState: 'done' });
    await expect(ledger.decideEffect(post.effectKey, NO, 'bob', 'no')).rejects.toThrow(UsageError);
    const other = { ...YES, id: 'msg-8' };
    await expect(ledger.decideEffect(post.effectKey, other, 'bob', 'no')).rejects.toThrow(
      /has a receipt already/,
    );

    expect(await ledger.head()).toBe(head);
    expect(await ledger.requests()).toEqual(requests);
  });
});

describe('"it did not land"', () => {
  test('lets the effect begin afresh, and the job go on with the artifact that it has', async () => {
    const { ledger } = await inDoubt();

    const end = await ledger.decideEffect(post.effectKey, NO, 'ann', 'the outbox is empty');

    expect(end).toEqual({ jobState: 'waiting' });
    expect(await ledger.receipts({})).toEqual([]);
    expect((await claimed(ledger, 'one')).artifact?.sha256).toBe(ARTIFACT);
    expect(await ledger.beginEffect(post, by())).toMatchObject({
      state: 'pending',
      firstSentAt: undefined,
      lastSentAt: undefined,
      sentSha256: undefined,
      attempts: 1,
      receipt: undefined,
    });
    const rows = await ledger.history(jobOf('one'));
    expect(rows.filter(({ by: who }) => who === 'ann').map(({ from, to }) => [from, to])).toEqual([
      ['held', 'pending'],
      ['held', 'waiting'],
    ]);
    expect(rows.find(({ by: who }) => who === 'ann')?.detail).toMatch(/outbox is empty/);
  });

  test('said twice changes nothing the second time', async () => {
    const { ledger } = await inDoubt();
    await ledger.decideEffect(post.effectKey, NO, 'ann', 'empty');
    const head = await ledger.head();
    expect(await ledger.decideEffect(post.effectKey, NO, 'ann', 'empty')).toEqual({ jobState: 'waiting' });
    await expect(ledger.decideEffect(post.effectKey, YES, 'bob', 'seen')).rejects.toThrow(
      /ann has said that it did not land, and the next start may send it; an answer is not overwritten/,
    );
    expect(await ledger.head()).toBe(head);
  });

  test('leaves the job held while another of its effects is in doubt', async () => {
    const { ledger } = await inDoubt();
    await sentUnanswered(ledger, mail, true);
    expect(await ledger.decideEffect(post.effectKey, NO, 'ann', 'x')).toEqual({ jobState: 'held' });
    expect(await stateOf(ledger, 'one')).toBe('held');
    expect(await ledger.decideEffect(mail.effectKey, NO, 'ann', 'x')).toEqual({ jobState: 'waiting' });
  });
});

describe('an answer', () => {
  test('is about the request that was shown, and not about one that was sent since', async () => {
    const { ledger } = await inDoubt();
    const [asked] = await ledger.openQuestions();
    await ledger.decideEffect(post.effectKey, { ...NO, sentAt: asked?.lastSentAt }, 'bob', 'not there');
    await sentUnanswered(ledger, post, true);
    const late = ledger.decideEffect(
      post.effectKey,
      { ...NO, sentAt: asked?.lastSentAt },
      'ann',
      'not there',
    );
    await expect(late).rejects.toThrow('has changed since it was shown');
    expect(await ledger.openQuestions()).toHaveLength(1);
  });

  test('takes the effect away from a worker that has it in hand', async () => {
    const { ledger, fence } = await inDoubt(post, { held: false });
    await ledger.checkFence(post.effectKey, fence);
    await ledger.decideEffect(post.effectKey, YES, 'ann', 'seen', settlesOf('one', [post]));

    await expect(ledger.checkFence(post.effectKey, fence)).rejects.toThrow(StaleFence);
    const body = { sha256: SENT, revision: 1 };
    await expect(ledger.attemptingEffect(post.effectKey, body, fence)).rejects.toThrow(StaleFence);
    expect(await stateOf(ledger, 'one')).toBe('done');
  });

  test.each(['pending', 'attempting', 'landed', 'conflict', 'failed'] as const)(
    'is refused where nothing is in doubt: %s',
    async (state) => {
      const { ledger } = await aLedger();
      await openBatch(ledger, ['one']);
      await claimed(ledger, 'one');
      const { fence } = await ledger.beginEffect(post, by());
      const body = { sha256: SENT, revision: 1 };
      if (state !== 'pending') await ledger.attemptingEffect(post.effectKey, body, fence);
      if (state === 'landed') await ledger.landEffect(receiptOf(post), undefined, fence);
      if (state === 'conflict' || state === 'failed') {
        const stop = {
          state: state === 'failed' ? 'failed' : 'held',
          errorClass: 'conflict',
          message: 'x',
        } as const;
        await ledger.stopEffect(post.effectKey, stop, fence);
      }
      const head = await ledger.head();

      for (const decision of [YES, NO]) {
        await expect(ledger.decideEffect(post.effectKey, decision, 'ann', 'x')).rejects.toThrow(
          /is not in doubt/,
        );
      }

      expect(await ledger.head()).toBe(head);
      expect(await ledger.requests()).toEqual([]);
    },
  );

  test('about an effect that was never heard of is refused', async () => {
    const { ledger } = await aLedger();
    await expect(ledger.decideEffect('0'.repeat(32), NO, 'ann', 'x')).rejects.toThrow(UsageError);
  });
});

test('an effect remembers when it was last sent, and forgets it under a higher revision', async () => {
  let now = new Date('2026-02-03T04:05:06.000Z');
  const ledger = await openLedger({ ...placeOf(await aPlace()), now: () => now });
  onTestFinished(() => ledger.close());
  await claimed(ledger, 'one');
  const { fence } = await ledger.beginEffect(post, by());
  const body = { sha256: SENT, revision: 1 };
  await ledger.attemptingEffect(post.effectKey, body, fence);
  now = new Date('2026-02-03T05:00:00.000Z');
  await ledger.attemptingEffect(post.effectKey, body, fence);

  const again = await ledger.beginEffect(post, by());
  expect(again).toMatchObject({
    firstSentAt: '2026-02-03T04:05:06.000Z',
    lastSentAt: '2026-02-03T05:00:00.000Z',
  });

  await ledger.landEffect(receiptOf(post), undefined, again.fence);
  const raised = await ledger.beginEffect(effectOf('one', 'post', 2), by());
  expect(raised).toMatchObject({ firstSentAt: undefined, lastSentAt: undefined });
});

describe('an effect that was taken back', () => {
  const undoing = (revision = 1): EffectId => ({
    ...effectOf('one', 'unpublish:post', revision),
    undoes: post.effectKey,
  });

  test('knows up to which revision, once that is proved', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
    await landed(ledger, 'one');
    expect((await ledger.beginEffect(post, by())).unpublishedRevision).toBeUndefined();

    const begun = await ledger.beginEffect(undoing(), by());
    expect(begun).toMatchObject({ ...undoing(), state: 'pending' });
    await ledger.attemptingEffect(begun.effectKey, { sha256: SENT, revision: 1 }, begun.fence);
    expect((await ledger.beginEffect(post, by())).unpublishedRevision).toBeUndefined();
    await ledger.landEffect(receiptOf(undoing()), undefined, begun.fence);

    expect(await ledger.beginEffect(post, by())).toMatchObject({
      state: 'landed',
      receipt: receiptOf(post),
      unpublishedRevision: 1,
    });
    expect(await stateOf(ledger, 'one')).toBe('done');
  });

  test('is counted nowhere as landed, nor is the taking back; a higher revision is', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
    await landed(ledger, 'one');
    const begun = await ledger.beginEffect(undoing(), by());
    await ledger.landEffect(receiptOf(undoing()), undefined, begun.fence);
    const said = async () => {
      const { effects } = await ledger.totals(BATCH, 0);
      const [job] = await ledger.jobReports(BATCH);
      return { landed: effects.landed, adopted: effects.adopted, effects: job?.effects };
    };
    expect(await said()).toMatchObject({
      landed: 1,
      adopted: 0,
      effects: [{ name: 'post', takenBack: true }],
    });
    const since = await ledger.head();
    expect((await ledger.totals(BATCH, since)).effects).toMatchObject({ landed: 0, adopted: 0 });

    await claimed(ledger, 'one', { revision: 2 });
    await landed(ledger, 'one', { revision: 2 });
    expect((await ledger.totals(BATCH, since)).effects).toMatchObject({ landed: 1, adopted: 0 });
    const again = (await said()).effects;
    expect(again).toHaveLength(1);
    expect(again?.[0]).not.toHaveProperty('takenBack');
  });

  test('may be published again under a higher revision, and taken back again', async () => {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
    await landed(ledger, 'one');
    const first = await ledger.beginEffect(undoing(), by());
    await ledger.landEffect(receiptOf(undoing()), undefined, first.fence);

    await claimed(ledger, 'one', { revision: 2 });
    await landed(ledger, 'one', { revision: 2 });
    const again = await ledger.beginEffect(effectOf('one', 'post', 2), by());
    expect(again).toMatchObject({ receipt: { revision: 2 }, unpublishedRevision: 1 });

    const second = await ledger.beginEffect(undoing(2), by());
    expect(second.state).toBe('pending');
    await ledger.landEffect(receiptOf(undoing(2)), undefined, second.fence);
    expect((await ledger.beginEffect(effectOf('one', 'post', 2), by())).unpublishedRevision).toBe(2);
    expect((await ledger.receipts({})).map(({ name, revision }) => [name, revision])).toEqual([
      ['post', 1],
      ['unpublish:post', 1],
      ['post', 2],
      ['unpublish:post', 2],
    ]);
  });
});

describe('taking back and sending', () => {
  const undo = { ...effectOf('one', 'unpublish:post'), undoes: post.effectKey };
  const revised = effectOf('one', 'post', 2);

  async function undoing(): Promise<{ ledger: Ledger; fence: number }> {
    const { ledger } = await aLedger();
    await openBatch(ledger, ['one']);
    await claimed(ledger, 'one');
    await landed(ledger, 'one');
    const { fence } = await ledger.beginEffect(undo, by());
    await claimed(ledger, 'one', { revision: 2 });
    return { ledger, fence };
  }
  const attempt = (ledger: Ledger, fence: number) =>
    ledger.attemptingEffect(undo.effectKey, { sha256: SENT, revision: 1 }, fence);

  test('nothing is taken back while a newer revision may be on its way', async () => {
    const { ledger, fence } = await undoing();
    const { fence: sending } = await ledger.beginEffect(revised, by());
    await ledger.attemptingEffect(post.effectKey, { sha256: SENT, revision: 2 }, sending);
    await expect(attempt(ledger, fence)).rejects.toMatchObject({
      errorClass: 'conflict',
      facts: { sent: 'no' },
    });
    const refused = { state: 'failed', errorClass: 'invalid', message: 'refused' } as const;
    await ledger.stopEffect(post.effectKey, refused, sending);
    await attempt(ledger, fence);
  });

  test('a revision that has landed since is not taken back, and not said to be', async () => {
    const { ledger, fence } = await undoing();
    await attempt(ledger, fence);
    await landed(ledger, 'one', { revision: 2 });
    for (const late of [attempt(ledger, fence), ledger.landEffect(receiptOf(undo), undefined, fence)])
      await expect(late).rejects.toMatchObject({ errorClass: 'conflict' });
    expect((await ledger.beginEffect(revised, by())).unpublishedRevision).toBeUndefined();
  });
});

test('a decision is about the job, whichever batch names it', async () => {
  const { ledger } = await inDoubt();
  await ledger.openBatch({
    id: 'batch:other:1',
    name: 'other',
    key: keyOf('other'),
    work: WORK,
    runId: 'run-9',
    manifest: '{}',
    jobs: 1,
    currency: 'EUR',
    by: 'ann',
  });
  await ledger.setMembers('batch:other:1', [member('one')]);
  await ledger.decideEffect(post.effectKey, YES, 'ann', 'seen', settlesOf('one', [post]));
  expect(await ledger.counts('batch:other:1', 0)).toMatchObject({ jobs: 1, held: 0, adopted: 1 });
});
