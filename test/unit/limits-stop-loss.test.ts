// When a batch stops starting jobs because too many fail.
import { expect, test } from 'vitest';
import { STOP_LOSS_DEFAULT, stopLossSchema, type StopLossRule } from '../../src/contract/limits.js';
import { seen, stopLoss, type JobEndSeen } from '../../src/policy/stop-loss.js';

const T0 = 1_000_000_000;
const ends = (...classes: readonly (JobEndSeen['errorClass'] | 'ok')[]): JobEndSeen[] =>
  classes.map((errorClass, at) => ({
    ...(errorClass !== undefined && errorClass !== 'ok' && { errorClass }),
    atMs: T0 + at * 1000,
  }));
const after = (list: readonly JobEndSeen[], rules: readonly StopLossRule[], since?: number) =>
  stopLoss(list, rules, T0 + list.length * 1000, since);

test('a count of one class stops it and says why', () => {
  const rules = [{ class: 'auth', count: 2, window: '10m' }] as const;
  expect(after(ends('auth', 'rejected', 'ok'), rules)).toBeUndefined();
  expect(after(ends('auth', 'ok', 'auth'), rules)).toBe(
    '2 jobs ended with error class "auth" within 10m; the limit is 2',
  );
});

test('a share counts from ten ends on, and every class counts as "any"', () => {
  const bad = ends('rejected', 'lost', 'rejected', 'invalid', 'rejected');
  expect(after(bad, STOP_LOSS_DEFAULT)).toBeUndefined();
  const ten = ends('ok', 'lost', 'ok', 'invalid', 'ok', 'lost', 'ok', 'bug', 'ok', 'bug');
  expect(after(ten, STOP_LOSS_DEFAULT)).toMatch(/^5 of the last 10 jobs ended with some error/);
  expect(after([...ten, ...ends('ok')], STOP_LOSS_DEFAULT)).toBeUndefined();
});

test('what lies outside the window, or before a person said "go on", does not count', () => {
  const rules = [{ class: 'lost', count: 2, window: 5 }] as const;
  expect(after(ends('lost', 'ok', 'ok', 'ok', 'ok', 'ok', 'lost'), rules)).toBeUndefined();
  expect(after(ends('lost', 'lost'), rules)).toBeDefined();
  expect(after(ends('lost', 'lost'), rules, T0 + 500)).toBeUndefined();
});

test('ends are forgotten when no rule can ask for them', () => {
  const rules = [{ class: 'any', count: 5, window: '1m' }] as const;
  let list: JobEndSeen[] = [];
  for (let at = 0; at < 2000; at++) list = seen(list, { errorClass: 'lost', atMs: T0 + at * 1000 }, rules);
  expect(list).toHaveLength(60);
});

test('a rule needs a count or a share, not both', () => {
  const valid = (rule: object) => stopLossSchema.safeParse([rule]).success;
  expect(valid({ class: 'auth', count: 3 })).toBe(true);
  expect(valid({ class: 'auth' })).toBe(false);
  expect(valid({ class: 'auth', count: 3, share: 0.5 })).toBe(false);
  expect(stopLossSchema.parse([])).toEqual([]);
});
