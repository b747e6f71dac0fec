// What counts as a try of a step: its own failures in a row, over all its calls and all that the engine begins it again for.
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  asAdapterError,
  silentEnd,
  toApplicationFailure,
  triedBefore,
  triesSoFar,
  tryAgainAfter,
} from '../../src/activities/failure.js';
import { goOnFrom, noteFailure, notePassed } from '../../src/activities/heartbeat.js';
import { AdapterError, type ErrorClass } from '../../src/contract/errors.js';
import type { TriedBefore } from '../../src/contract/messages.js';
import { noticeSleep } from '../../src/host-sleep.js';
import { DEFAULT_RETRY, afterStep } from '../../src/policy/retry.js';

/** One try of a step. @returns what it came to, and what the engine hands to the next one */
async function aTry<T>(attempt: number, step: () => T, before?: unknown): Promise<{ end: T; told: unknown }> {
  const environment = new MockActivityEnvironment({ attempt, heartbeatDetails: before });
  let told = before;
  environment.on('heartbeat', (details: unknown) => (told = JSON.parse(JSON.stringify(details)) as unknown));
  return { end: await environment.run(() => Promise.resolve(step())), told };
}
const call = async <T>(attempt: number, step: () => T, before?: unknown): Promise<T> =>
  (await aTry(attempt, step, before)).end;
const fails = (errorClass: ErrorClass) => () => void tryAgainAfter(errorClass, 'HTTP 502', 1);

test('workers that died are no tries: the first failure after them is the first', async () => {
  const first = { tries: 1, alike: 1, elapsedMs: 0 };
  expect(await call(5, () => triesSoFar('transient'))).toEqual(first);
  const delays = await call(5, () => {
    const failed = { errorClass: 'transient', ...triesSoFar('transient'), jitter: 1 } as const;
    return afterStep(failed, DEFAULT_RETRY);
  });
  expect(delays, 'and waits as the first one does').toEqual({ kind: 'again', delayMs: 2000 });
});

test('a worker that dies between two failures neither counts nor loses one', async () => {
  const { told } = await aTry(1, fails('transient'));
  const died = await aTry(2, () => undefined, told); // and was killed
  expect(await call(3, () => triesSoFar('transient'), died.told)).toMatchObject({ tries: 2, alike: 2 });
});

test('failures of several classes are counted each by itself', async () => {
  const first = await aTry(1, fails('transient'));
  const second = await aTry(2, fails('unknown'), first.told);
  expect(await call(3, () => triesSoFar('transient'), second.told)).toMatchObject({ tries: 3, alike: 2 });
  expect(await call(3, () => triesSoFar('lost'), second.told)).toMatchObject({ tries: 3, alike: 1 });
});

test('a step that got somewhere in between has not failed in a row', async () => {
  const { told } = await aTry(1, fails('transient'));
  const passed = await aTry(2, () => notePassed('step'), told);
  expect(await call(3, () => triesSoFar('transient'), passed.told)).toMatchObject({ tries: 1, alike: 1 });
});

test('looks that fail are tries of theirs, and settle the step by their own number', async () => {
  const look = () => noteFailure('transient', Date.now(), 'look');
  const { told } = await aTry(1, () => [look(), look(), look()]);
  expect(await call(2, () => triesSoFar('transient'), told)).toMatchObject({ tries: 3, alike: 3 });
  const passed = await aTry(2, () => notePassed('look'), told);
  expect(await call(3, () => triesSoFar('transient'), passed.told)).toMatchObject({ tries: 1 });
});

test('a wait gives no tries back, and uses none', async () => {
  expect(await call(9, () => triedBefore(false))).toBeUndefined();
  const { told } = await aTry(1, fails('transient'));
  const before = await call(4, () => triedBefore(false), told); // one failed, and this one was told to wait
  expect(before).toEqual({ failed: { transient: 1 } });
  const after = await aTry(1, () => {
    goOnFrom(before);
    return triesSoFar('transient');
  });
  expect(after.end).toMatchObject({ tries: 2 });
  const again = () => {
    goOnFrom(before);
    fails('transient')();
  };
  const killed = await aTry(2, again); // the first try of this call died before it told anything
  expect(await call(3, again, killed.told)).toBeUndefined();
  const last = () => {
    goOnFrom(before);
    return triesSoFar('transient');
  };
  expect(await call(3, last, killed.told), 'what the call told itself counts').toMatchObject({ tries: 3 });
});

test('patience counts from the first failure on, over all waits for a service that fails', async () => {
  const HOUR = 3_600_000;
  const since = Date.now() - 5 * HOUR;
  const before = await call(1, () => {
    noteFailure('transient', since);
    return triedBefore(true);
  });
  expect(before).toEqual({ failed: { transient: 1 }, failingSinceMs: since });
  const next = await call(1, () => {
    goOnFrom(before);
    return [triesSoFar('transient').elapsedMs, triedBefore(true)] as const;
  });
  expect(next[0]).toBeGreaterThanOrEqual(5 * HOUR);
  expect(next[1]).toEqual(before);
});

test('patience does not count while the host sleeps', async () => {
  const MINUTE = 60_000;
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  noticeSleep();
  const before: TriedBefore = { failingSinceMs: Date.now() - 30 * MINUTE };
  vi.setSystemTime(Date.now() + 13 * 60 * MINUTE);
  const tried = await call(1, () => {
    goOnFrom(before);
    return triesSoFar('transient');
  });
  expect(tried.elapsedMs).toBeCloseTo(30 * MINUTE, -4);
});

test('a wait for a limit or a quota is no failure, and ends one', async () => {
  const before: TriedBefore = { failed: { transient: 2 }, failingSinceMs: 1 };
  const told = await call(1, () => {
    goOnFrom(before);
    return triedBefore(false);
  });
  expect(told).toEqual({ failed: { transient: 2 } });
});

test.each([
  ['a refused start', () => tryAgainAfter('transient', 'HTTP 503', 1)],
  ['trouble of its own', () => asAdapterError(new AdapterError('unknown', 'no answer'))],
  ['an error of ours', () => new Error('no such table')],
])('a step that kills its worker each time ends; %s in between says that it lives', async (_, trouble) => {
  const end = () => silentEnd('see its log');
  const first = await aTry(2, end); // nobody has counted before
  expect(first.end).toBeUndefined();
  expect(await call(31, end, first.told)).toBeUndefined();
  expect(await call(32, end, first.told)).toEqual({
    errorClass: 'bug',
    message:
      'its worker died or hung 30 times in a row without getting anywhere, and it is not tried again: see its log',
  });
  const { told } = await aTry(30, () => void toApplicationFailure(trouble()), first.told);
  expect(await call(31, end, told)).toBeUndefined();
  expect(await call(60, end, told)).toBeUndefined();
  expect(await call(61, end, told)).toMatchObject({ errorClass: 'bug' });
  const { told: ran } = await aTry(60, () => notePassed('step'), told);
  expect(await call(61, end, ran), 'it got somewhere').toBeUndefined();
});

test('what an older release tried is no crash loop: it did not tell which of its tries failed by themselves', async () => {
  const end = () => silentEnd('see its log');
  const old = { at: 'post', failingSinceMs: Date.now() - 1000 };
  const first = await aTry(200, end, old);
  expect(first.end).toBeUndefined();
  expect(first.told).toMatchObject({ failingSinceMs: old.failingSinceMs, answered: 199 });
  expect(await call(229, end, first.told)).toBeUndefined();
  expect(await call(230, end, first.told)).toMatchObject({ errorClass: 'bug' });
});
