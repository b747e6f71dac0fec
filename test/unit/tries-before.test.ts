// A step that waits in a lane ends, and is called again: its tries are those of all its calls.
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { triedBefore, triesSoFar } from '../../src/activities/failure.js';
import { noteFailure } from '../../src/activities/heartbeat.js';
import type { TriedBefore } from '../../src/contract/messages.js';
import { noticeSleep } from '../../src/host-sleep.js';

const call = <T>(attempt: number, step: () => T): Promise<T> =>
  new MockActivityEnvironment({ attempt }).run(() => Promise.resolve(step()));

test('a wait gives no tries back, and uses none', async () => {
  expect(await call(1, () => triedBefore(undefined, false))).toBeUndefined();
  const before = await call(4, () => triedBefore(undefined, false)); // three failed, the fourth was told to wait
  expect(before).toEqual({ tries: 3 });
  expect((await call(2, () => triesSoFar(before))).tries).toBe(5);
  expect(await call(2, () => triedBefore(before, false))).toEqual({ tries: 4 });
});

test('patience counts from the first failure on, over all waits for a service that fails', async () => {
  const HOUR = 3_600_000;
  const since = Date.now() - 5 * HOUR;
  const before = await call(1, () => {
    noteFailure(since);
    return triedBefore(undefined, true);
  });
  expect(before).toEqual({ tries: 0, failingSinceMs: since });
  expect((await call(1, () => triesSoFar(before))).elapsedMs).toBeGreaterThanOrEqual(5 * HOUR);
  expect(await call(1, () => triedBefore(before, true))).toEqual(before);
});

test('patience does not count while the host sleeps', async () => {
  const MINUTE = 60_000;
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  noticeSleep();
  const before: TriedBefore = { tries: 1, failingSinceMs: Date.now() - 30 * MINUTE };
  vi.setSystemTime(Date.now() + 13 * 60 * MINUTE);
  expect((await call(1, () => triesSoFar(before))).elapsedMs).toBeCloseTo(30 * MINUTE, -4);
});

test('a wait for a limit or a quota is no failure, and ends one', async () => {
  const before: TriedBefore = { tries: 2, failingSinceMs: 1 };
  expect(await call(1, () => triedBefore(before, false))).toEqual({ tries: 2 });
});
