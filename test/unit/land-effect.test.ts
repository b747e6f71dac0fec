// The one algorithm, against destinations made of memory: what is sent, what becomes visible, what is held.
import { describe, expect, test } from 'vitest';
import { landEffect, type Landed } from '../../src/activities/land-effect.js';
import type { CrashPoint } from '../../src/activities/crash-points.js';
import { AdapterError } from '../../src/contract/errors.js';
import type { EffectRow } from '../../src/ledger/ledger.js';
import { Blog, Mailbox, type Destination } from '../support/model-destinations.js';
import { bodyRequest, keyOf, sha256 } from './folder-fixture.js';

interface Try {
  readonly row?: Partial<EffectRow>;
  readonly text?: string;
  readonly revision?: number;
  readonly at?: Date;
  readonly onUnknown?: 'hold' | 'resend' | 'assume-sent';
  readonly dieAt?: CrashPoint;
  readonly maySend?: () => Promise<void>;
  readonly key?: string;
  /** Filled with what the ledger is told, also when the try dies. */
  readonly noted?: string[];
}

class Died extends Error {}

async function landOn(destination: Destination, o: Try = {}) {
  const log = o.noted ?? [];
  const text = o.text ?? 'text';
  const key = o.key ?? keyOf('effect');
  const row: EffectRow = {
    work: 'article',
    jobKey: keyOf('job'),
    effectKey: key,
    name: 'post',
    target: 'public',
    use: 'model',
    revision: o.revision ?? 1,
    state: 'pending',
    fence: 1,
    firstSentAt: undefined,
    lastSentAt: undefined,
    attempts: 0,
    sentSha256: undefined,
    acknowledged: undefined,
    receipt: undefined,
    unpublishedRevision: undefined,
    ...o.row,
  };
  const end = await landEffect({
    publisher: destination.publisher(),
    body: {
      ...bodyRequest(text, { effectKey: key, revision: row.revision }),
      sentBefore: row.attempts > 0,
      receipt: row.receipt,
    },
    requestSha256: sha256(text),
    row,
    ledger: {
      acknowledgedEffect: async (_, { id }) => void log.push(`acknowledged ${id}`),
      landEffect: async () => {
        log.push('landed');
        return { jobDone: true };
      },
      effectOf: async () => undefined,
    },
    attempting: async () => void log.push('attempting'),
    maySend: o.maySend ?? (async () => undefined),
    onUnknown: o.onUnknown ?? 'hold',
    settles: {
      work: 'article',
      jobKey: row.jobKey,
      effectKeys: [key],
      revision: row.revision,
      state: 'done',
    },
    context: {
      signal: new AbortController().signal,
      now: () => o.at ?? new Date(),
      sleep: (ms) => destination.passTime(ms),
    },
    reached: (point) => {
      if (point === o.dieAt) throw new Died(point);
    },
  });
  return { end, log };
}

const SENT = { state: 'unknown', attempts: 1, sentSha256: sha256('text') } as const;
const kindOf = ({ end }: { end: Landed }): string => end.kind;

describe('a destination that hides, renames, and lets two have one name', () => {
  test('a post is made hidden, looked at again, shown, read back, and only then recorded', async () => {
    const blog = new Blog();
    const { end, log } = await landOn(blog);
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: '1', revision: 1 } });
    expect(log).toEqual(['attempting', 'acknowledged 1', 'landed']);
    expect(blog.calls).toEqual(['lookup', 'create', 'lookup', 'reveal', 'lookup']);
    expect(blog.visible()).toEqual(['post']);
  });

  test.each<CrashPoint>(['E1', 'E2', 'E3', 'E5', 'E8', 'E9', 'E10', 'E11'])(
    'dying at %s and trying again leaves one post, made once',
    async (dieAt) => {
      const blog = new Blog();
      await expect(landOn(blog, { dieAt })).rejects.toThrow(Died);
      const sent = blog.calls.includes('create');
      expect(kindOf(await landOn(blog, sent ? { row: SENT } : {}))).toBe('landed');
      expect(blog.visible()).toEqual(['post']);
      expect(blog.posts).toHaveLength(1);
    },
  );

  test('twenty that create at once leave one post and no draft', async () => {
    const blog = new Blog({ sharesNames: true });
    const ends = await Promise.all(Array.from({ length: 20 }, () => landOn(blog)));
    expect(new Set(ends.map(({ end }) => end.kind !== 'held' && end.receipt.id)).size).toBe(1);
    expect(blog.posts.map(({ name, visible }) => [name, visible])).toEqual([['post', true]]);
  });

  test('dying with a twin there: the next try takes it away', async () => {
    const blog = new Blog({ sharesNames: true });
    blog.add({ name: 'post', key: keyOf('effect'), visible: false });
    blog.blind(1); // the look-up before creating comes too early
    await expect(landOn(blog, { dieAt: 'E7' })).rejects.toThrow(Died);
    expect(blog.posts).toHaveLength(2);
    expect(kindOf(await landOn(blog, { row: SENT }))).toBe('landed');
    expect(blog.posts.map(({ id }) => id)).toEqual(['1']);
  });

  test('somebody else’s post of that name stays, and nothing of ours is shown under another', async () => {
    const blog = new Blog();
    blog.add({ name: 'post', key: undefined, visible: true });
    blog.blind(1);
    const { end } = await landOn(blog);
    expect(end).toMatchObject({ kind: 'held', errorClass: 'conflict' });
    expect(blog.posts).toEqual([expect.objectContaining({ name: 'post', key: undefined, visible: true })]);
    expect(blog.everVisible).toEqual(['1']);
  });

  test('a name that the destination changes is found out before anybody sees it', async () => {
    const blog = new Blog({ keepsNames: false });
    const { end } = await landOn(blog);
    expect(end).toMatchObject({ kind: 'held', message: expect.stringMatching(/another name/) as string });
    expect(blog.posts).toEqual([]);
    expect(blog.everVisible).toEqual([]);
  });

  test('dying with a changed name found: the next try takes the post away and asks', async () => {
    const blog = new Blog({ keepsNames: false });
    await expect(landOn(blog, { dieAt: 'E7' })).rejects.toThrow(Died);
    expect(blog.posts).toHaveLength(1);
    expect(kindOf(await landOn(blog, { row: SENT }))).toBe('held');
    expect(blog.posts).toEqual([]);
    expect(blog.everVisible).toEqual([]);
  });

  test('a post that a person took away is not put back', async () => {
    const blog = new Blog();
    await landOn(blog);
    blog.trash('1');
    expect(kindOf(await landOn(blog, { row: { attempts: 1 } }))).toBe('held');
    expect(blog.visible()).toEqual([]);
  });

  test('an answer that is lost after the post was made leads to that post', async () => {
    const blog = new Blog();
    blog.loseAnswer('create');
    await expect(landOn(blog)).rejects.toMatchObject({ errorClass: 'unknown' });
    const { end } = await landOn(blog, { row: SENT });
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: '1' } });
    expect(blog.posts).toHaveLength(1);
  });

  test('a request still on its way is waited for before the look-up', async () => {
    const blog = new Blog({ settleMs: 5000 });
    blog.arriveAfter(4000, { name: 'post', key: keyOf('effect'), visible: false });
    const at = new Date('2026-03-01T02:00:00.000Z');
    const { end } = await landOn(blog, { row: { ...SENT, lastSentAt: at.toISOString() }, at });
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: '1' } });
    expect(blog.calls).not.toContain('create');
  });

  test('a request of a worker that was not heard of again is waited for as long as one may take', async () => {
    const blog = new Blog({ settleMs: 1000, requestMs: 30_000 });
    blog.arriveAfter(20_000, { name: 'post', key: keyOf('effect'), visible: false });
    const at = new Date('2026-03-01T02:00:00.000Z');
    const row = { ...SENT, state: 'attempting', lastSentAt: at.toISOString() } as const;
    const { end } = await landOn(blog, { row, at });
    expect(end).toMatchObject({ kind: 'landed', receipt: { id: '1' } });
    expect(blog.calls).not.toContain('create');
  });

  test('a try that may no longer send changes nothing', async () => {
    const blog = new Blog();
    const stale = new Error('another try took over');
    await expect(landOn(blog, { maySend: () => Promise.reject(stale) })).rejects.toBe(stale);
    expect(blog.calls).toEqual(['lookup']);
  });

  test('what landed and is gone is not sent again, unless it was unpublished by us', async () => {
    const receipt = {
      effectKey: keyOf('effect'),
      revision: 1,
      id: '9',
      sha256: sha256('text'),
      landedAt: '',
      adopted: false,
    };
    const gone = await landOn(new Blog(), { revision: 2, row: { receipt, attempts: 1 } });
    expect(gone.end).toMatchObject({ kind: 'held', errorClass: 'conflict' });
    const blog = new Blog();
    expect(
      kindOf(await landOn(blog, { revision: 2, row: { receipt, attempts: 1, unpublishedRevision: 1 } })),
    ).toBe('landed');
    expect(blog.visible()).toEqual(['post']);
  });
});

describe('a look-up that contradicts the destination’s own answer', () => {
  const at = '2026-03-01T02:00:00.000Z';
  const acknowledged = { id: '7', url: 'https://blog.test/7', at };
  const later = (ms: number) => new Date(Date.parse(at) + ms);

  test('is given time to come round, and then a person is asked; nothing is sent', async () => {
    const blog = new Blog();
    const row = { ...SENT, acknowledged };
    await expect(landOn(blog, { row, at: later(29_999) })).rejects.toMatchObject({ errorClass: 'unknown' });
    const { end } = await landOn(blog, { row, at: later(30_000) });
    expect(end).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    expect(end).toMatchObject({ message: expect.stringMatching(/blog.test\/7.*look-up.*approve/) as string });
    expect(blog.calls).toEqual(['lookup', 'lookup']);
  });

  test('and comes round is believed', async () => {
    const blog = new Blog();
    blog.add({ name: 'post', key: keyOf('effect'), visible: true });
    expect(kindOf(await landOn(blog, { row: { ...SENT, acknowledged }, at: later(60_000) }))).toBe('landed');
    expect(blog.posts).toHaveLength(1);
  });

  test('is remembered before the read-back, so that a worker that dies there leaves it known', async () => {
    const noted: string[] = [];
    await expect(landOn(new Blog(), { dieAt: 'E10', noted })).rejects.toThrow(Died);
    expect(noted).toEqual(['attempting', 'acknowledged 1']);
  });
});

describe('a destination that can’t be asked', () => {
  test('one mail is sent; without an answer it is held, and never sent again', async () => {
    const mailbox = new Mailbox();
    mailbox.loseAnswer('create');
    await expect(landOn(mailbox)).rejects.toBeInstanceOf(AdapterError);
    for (const state of ['unknown', 'attempting'] as const) {
      const { end } = await landOn(mailbox, { row: { ...SENT, state } });
      expect(end).toMatchObject({ kind: 'held', errorClass: 'unknown' });
    }
    expect(mailbox.received).toEqual([keyOf('effect')]);
  });

  test('within the window of its key the same request is sent again, and the destination knows it', async () => {
    const mailbox = new Mailbox({ keyWindowMs: 3_600_000 });
    mailbox.loseAnswer('create');
    const at = new Date('2026-03-01T02:00:00.000Z');
    await expect(landOn(mailbox, { at })).rejects.toBeInstanceOf(AdapterError);
    const row = { ...SENT, firstSentAt: at.toISOString() };
    expect(kindOf(await landOn(mailbox, { row, at: new Date(at.getTime() + 3_599_999) }))).toBe('landed');
    expect(mailbox.received).toEqual([keyOf('effect')]);
    expect(kindOf(await landOn(mailbox, { row, at: new Date(at.getTime() + 3_600_000) }))).toBe('held');
    expect(kindOf(await landOn(mailbox, { row, at, text: 'other' }))).toBe('held');
    expect(mailbox.calls).toEqual(['create', 'create']);
  });

  test('the operator may prefer a second mail to none, or none to a second', async () => {
    const mailbox = new Mailbox();
    expect(kindOf(await landOn(mailbox, { row: SENT, onUnknown: 'resend' }))).toBe('landed');
    const { end } = await landOn(mailbox, { row: SENT, onUnknown: 'assume-sent' });
    expect(end).toMatchObject({
      kind: 'adopted',
      receipt: { id: `assumed:${keyOf('effect')}`, adopted: true },
    });
    expect(mailbox.received).toHaveLength(1);
  });
});
