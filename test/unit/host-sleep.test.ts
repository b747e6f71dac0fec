// How a process notices that its host slept: a clock that jumps while timers stand still.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type * as HostSleep from '../../src/host-sleep.js';

const MINUTE = 60_000;
let host: typeof HostSleep;
let beganMs: number;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  host = await import('../../src/host-sleep.js');
  beganMs = Date.now();
  host.noticeSleep();
});
afterEach(() => void vi.useRealTimers());

const sleepFor = (ms: number) => vi.setSystemTime(Date.now() + ms);

test('a host that is awake has not slept, however seldom anybody asks', async () => {
  await vi.advanceTimersByTimeAsync(600 * MINUTE);
  expect(host.sleptMs(beganMs)).toBe(0);
  expect(host.thereSinceMs()).toBe(beganMs);
});

test('a sleep is known at once, before the first timer, and counts once', async () => {
  await vi.advanceTimersByTimeAsync(5 * MINUTE);
  const fellAsleepMs = Date.now();
  sleepFor(20 * MINUTE);
  expect(host.sleptMs(beganMs)).toBe(20 * MINUTE);
  expect(host.awakeMs(beganMs, Date.now())).toBe(5 * MINUTE);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(host.sleptMs(beganMs)).toBe(20 * MINUTE);
  expect(host.thereSinceMs()).toBe(fellAsleepMs + 20 * MINUTE);
});

test('the sleeps since a moment are added up, of one that it lies in the rest', async () => {
  sleepFor(20 * MINUTE);
  await vi.advanceTimersByTimeAsync(MINUTE);
  sleepFor(60 * MINUTE);
  // A sleep counts from the last tick before it.
  expect(host.sleptMs(beganMs)).toBe(80 * MINUTE + 10_000);
  expect(host.sleptMs(beganMs + 15 * MINUTE)).toBe(65 * MINUTE + 10_000);
  expect(host.sleptMs(Date.now())).toBe(0);
});

test('a process that is busy for a minute has not slept', () => {
  sleepFor(MINUTE);
  expect(host.sleptMs(beganMs)).toBe(0);
});

test('a clock that ran ahead and is put right has slept nothing', async () => {
  sleepFor(300 * MINUTE);
  expect(host.sleptMs(beganMs)).toBe(300 * MINUTE);
  sleepFor(-300 * MINUTE);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(host.sleptMs(beganMs)).toBe(0);
});
