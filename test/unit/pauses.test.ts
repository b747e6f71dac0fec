// Time that was paused: how much of it, by several pauses at once, and when the newest was over.
import { expect, test } from 'vitest';
import { pausedMs, resumedMs, type Pause } from '../../src/policy/pauses.js';

const pause = (fromMs: number, toMs?: number): Pause => ({ fromMs, toMs });

test('pauses that overlap count once, cut to the time that is asked about', () => {
  const pauses = [pause(50, 60), pause(10, 30), pause(20, 40), pause(22, 25), pause(90)];
  expect(pausedMs(pauses, 0, 100)).toBe(30 + 10 + 10);
  expect(pausedMs(pauses, 35, 55)).toBe(5 + 5);
  expect(pausedMs(pauses, 40, 50)).toBe(0);
  expect(pausedMs([], 0, 100)).toBe(0);
});

test('the newest that is over counts, whichever began last', () => {
  expect(resumedMs([pause(10, 60), pause(20, 30), pause(40)])).toBe(60);
  expect(resumedMs([pause(40)])).toBeUndefined();
});
