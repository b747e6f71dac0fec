// How a session is watched, over a provider and a lane of memory, on a clock of our own.
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LaneClosed } from '../../src/activities/lanes/lane.js';
import { PLACE_LEASE_MS } from '../../src/activities/lanes/place-keeper.js';
import type { Provider, SessionHandle } from '../../src/activities/providers/provider.js';
import type { SessionScope } from '../../src/activities/session/scope.js';
import { watchSession } from '../../src/activities/session/watch.js';
import { AdapterError } from '../../src/contract/errors.js';
import { noticeSleep } from '../../src/host-sleep.js';
import { DEFAULT_RETRY } from '../../src/policy/retry.js';

const MINUTE = 60_000;
const HANDLE: SessionHandle = { v: 1, provider: 'model', runKey: 'a'.repeat(32), attempt: 1, ids: {} };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches a session of which `poll` tells. `ended` is empty while it is watched. */
function watched({ poll, timeoutMs = 24 * 60 * MINUTE }: { poll: Provider['poll']; timeoutMs?: number }) {
  const beganAt = Date.now();
  const keptAt: number[] = [];
  const cancelled: number[] = [];
  const ended: unknown[] = [];
  const provider = {
    facts: { name: 'model', find: 'exact' },
    poll,
    cancel: async () => void cancelled.push(Date.now() - beganAt),
    classify: (error: unknown) => error as AdapterError,
  };
  const scope: unknown = {
    provider,
    session: HANDLE,
    retry: DEFAULT_RETRY,
    definition: { agent: {} },
    deps: { now: () => new Date(), ledger: { holdOf: async () => undefined } },
    context: { signal: new AbortController().signal },
    deadline: () => new Date(beganAt + timeoutMs),
    lane: {
      report: async () => undefined,
      shared: () => undefined,
      keep: async () => void keptAt.push(Date.now() - beganAt),
    },
    reached: async () => undefined,
  };
  void new MockActivityEnvironment()
    .run(() => watchSession(scope as SessionScope, HANDLE))
    .then(
      (over) => ended.push(over),
      (error: unknown) => ended.push(error),
    );
  return { beganAt, keptAt, cancelled, ended };
}

/** The host of the watcher sleeps: what runs elsewhere goes on. */
const sleepFor = (ms: number) => vi.setSystemTime(Date.now() + ms);

const down = new AdapterError('transient', 'HTTP 503', { sent: 'rejected' });
const throttled = new AdapterError('throttled', 'HTTP 429', { sent: 'rejected', retryAfterMs: 12 * MINUTE });
const closed = new LaneClosed('nothing is sent to it at the moment', 8 * MINUTE, undefined, true);

test.each<[string, Provider['poll']]>([
  ['looks at it fail', () => Promise.reject(down)],
  ['its service asks to be left alone', () => Promise.reject(throttled)],
  ['its lane is closed', () => Promise.reject(closed)],
  ['it is looked at seldom', async () => ({ kind: 'running', nextPollMs: 20 * MINUTE })],
])('a session that runs keeps its place while %s', async (_what, poll) => {
  const lastsMs = 40 * MINUTE;
  const untilEnd: Provider['poll'] = async (...args) =>
    Date.now() - session.beganAt < lastsMs ? poll(...args) : { kind: 'succeeded' };
  const session = watched({ poll: untilEnd });
  await vi.advanceTimersByTimeAsync(lastsMs + 15 * MINUTE);
  expect(session.ended).toEqual([{ kind: 'succeeded' }]);
  const keptAt = [0, ...session.keptAt, lastsMs];
  const gaps = keptAt.slice(1).map((at, before) => at - (keptAt[before] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(PLACE_LEASE_MS / 2);
});

test('looks that fail are made again when the host has slept for longer than patience lasts', async () => {
  noticeSleep();
  const session = watched({
    poll: async () => {
      if (Date.now() - session.beganAt < 14 * 60 * MINUTE) throw down;
      return { kind: 'succeeded' };
    },
  });
  await vi.advanceTimersByTimeAsync(MINUTE);
  sleepFor(13 * 60 * MINUTE);
  await vi.advanceTimersByTimeAsync(2 * 60 * MINUTE);
  expect(session.ended).toEqual([{ kind: 'succeeded' }]);
});

const running = { kind: 'running', nextPollMs: MINUTE } as const;

describe('a session is cancelled past its deadline by a look that found it running then', () => {
  const timeoutMs = 30 * MINUTE;

  test('not where it ended while the host slept, and the first look after that fails', async () => {
    const dead = new AdapterError('transient', 'socket hang up', { sent: 'maybe' });
    let looksAfter = 0;
    const session = watched({
      timeoutMs,
      poll: async () => {
        if (Date.now() - session.beganAt < 12 * MINUTE) return running;
        if (++looksAfter === 1) throw dead;
        return { kind: 'succeeded' };
      },
    });
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    sleepFor(5 * 60 * MINUTE);
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(session.ended).toEqual([{ kind: 'succeeded' }]);
    expect(session.cancelled).toEqual([]);
  });

  test('not where looks fail from before its deadline until after it', async () => {
    const session = watched({
      timeoutMs,
      poll: async () => {
        const atMs = Date.now() - session.beganAt;
        if (atMs > 20 * MINUTE && atMs < 40 * MINUTE) throw down;
        return atMs < 20 * MINUTE ? running : { kind: 'succeeded' };
      },
    });
    await vi.advanceTimersByTimeAsync(60 * MINUTE);
    expect(session.ended).toEqual([{ kind: 'succeeded' }]);
    expect(session.cancelled).toEqual([]);
  });

  test('not by an answer that was on its way while the host slept', async () => {
    const session = watched({
      timeoutMs,
      poll: async () => {
        const atMs = Date.now() - session.beganAt;
        if (atMs < 10 * MINUTE) return running;
        if (atMs > timeoutMs) return { kind: 'succeeded' };
        sleepFor(5 * 60 * MINUTE);
        return running;
      },
    });
    await vi.advanceTimersByTimeAsync(15 * MINUTE);
    expect(session.ended).toEqual([{ kind: 'succeeded' }]);
    expect(session.cancelled).toEqual([]);
  });

  test('where its host slept, it has that time left', async () => {
    const sleptMs = 5 * 60 * MINUTE;
    const session = watched({
      timeoutMs,
      poll: async () => ({ ...running, ...(Date.now() - session.beganAt > sleptMs && { sleptMs }) }),
    });
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    sleepFor(sleptMs);
    await vi.advanceTimersByTimeAsync(19 * MINUTE);
    expect(session.ended).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    const message =
      'the session ran longer than its timeout, not counting 5 h in which its host slept, and was cancelled';
    expect(session.ended).toMatchObject([{ errorClass: 'timeout', message }]);
    expect(session.cancelled).toEqual([sleptMs + timeoutMs]);
  });

  test('and then at once, also where the next look would be later', async () => {
    const session = watched({ timeoutMs, poll: async () => ({ ...running, nextPollMs: 20 * MINUTE }) });
    await vi.advanceTimersByTimeAsync(timeoutMs + 1);
    expect(session.ended).toEqual([
      {
        kind: 'failed',
        errorClass: 'timeout',
        message: 'the session ran longer than its timeout and was cancelled',
      },
    ]);
    expect(session.cancelled).toEqual([timeoutMs]);
  });
});
