// How a session is watched, over a provider and a lane of memory, on a clock of our own.
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LaneClosed } from '../../src/activities/lanes/lane.js';
import { PLACE_LEASE_MS } from '../../src/activities/lanes/place-keeper.js';
import type { Provider, SessionHandle } from '../../src/activities/providers/provider.js';
import type { SessionScope } from '../../src/activities/session/scope.js';
import { watchSession } from '../../src/activities/session/watch.js';
import { AdapterError } from '../../src/contract/errors.js';
import { DEFAULT_RETRY } from '../../src/policy/retry.js';

const MINUTE = 60_000;
const HANDLE: SessionHandle = { v: 1, provider: 'model', runKey: 'a'.repeat(32), attempt: 1, ids: {} };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Watches a session of which `poll` tells, and ends it after a while. @returns when its place was kept */
async function keptDuring(lastsMs: number, poll: Provider['poll']): Promise<readonly number[]> {
  const beganAt = Date.now();
  const keptAt: number[] = [];
  const provider = {
    facts: { name: 'model', find: 'exact' },
    poll: async (...args: Parameters<Provider['poll']>) =>
      Date.now() - beganAt < lastsMs ? poll(...args) : { kind: 'succeeded' },
    classify: (error: unknown) => error as AdapterError,
  };
  const scope: unknown = {
    provider,
    session: HANDLE,
    retry: DEFAULT_RETRY,
    definition: { agent: {} },
    deps: { now: () => new Date(), ledger: { holdOf: async () => undefined } },
    context: { signal: new AbortController().signal },
    deadline: () => new Date(beganAt + 24 * 60 * MINUTE),
    lane: {
      report: async () => undefined,
      shared: () => undefined,
      keep: async () => void keptAt.push(Date.now() - beganAt),
    },
    reached: async () => undefined,
  };
  const over = new MockActivityEnvironment().run(() => watchSession(scope as SessionScope, HANDLE));
  await vi.advanceTimersByTimeAsync(lastsMs + 15 * MINUTE);
  expect(await over).toEqual({ kind: 'succeeded' });
  return keptAt;
}

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
  const keptAt = [0, ...(await keptDuring(lastsMs, poll)), lastsMs];
  const gaps = keptAt.slice(1).map((at, before) => at - (keptAt[before] ?? 0));
  expect(Math.max(...gaps)).toBeLessThan(PLACE_LEASE_MS / 2);
});
