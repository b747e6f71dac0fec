// When a batch stops starting jobs because too many fail, and what its shards tell it for that.
import { describe, expect, test } from 'vitest';
import { STOP_LOSS_DEFAULT, stopLossSchema, type StopLossRule } from '../../src/contract/limits.js';
import type { JobEndSeen } from '../../src/contract/messages.js';
import { SHARD_JOBS } from '../../src/policy/shards.js';
import { isToTell, seen, stopLoss } from '../../src/policy/stop-loss.js';

const T0 = 1_000_000_000;
/** How long each job took. */
const RAN_MS = 100;
const ends = (...classes: readonly (JobEndSeen['errorClass'] | 'ok')[]): JobEndSeen[] =>
  classes.map((errorClass, at) => ({
    ...(errorClass !== undefined && errorClass !== 'ok' && { errorClass }),
    atMs: T0 + at * 1000,
    admittedAtMs: T0 + at * 1000 - RAN_MS,
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

test('what lies outside the window, or was begun before a person said "go on", does not count', () => {
  const rules = [{ class: 'lost', count: 2, window: 5 }] as const;
  expect(after(ends('lost', 'ok', 'ok', 'ok', 'ok', 'ok', 'lost'), rules)).toBeUndefined();
  expect(after(ends('lost', 'lost'), rules)).toBeDefined();
  expect(after(ends('lost', 'lost'), rules, T0 - RAN_MS)).toBeDefined();
  expect(after(ends('lost', 'lost'), rules, T0)).toBeUndefined(); // it ended after that, but was begun before
});

test('ends are forgotten when no rule can ask for them', () => {
  const rules = [{ class: 'any', count: 5, window: '1m' }] as const;
  let list: JobEndSeen[] = [];
  for (const end of ends(...Array<'lost'>(2000).fill('lost'))) list = seen(list, [end], rules, end.atMs);
  expect(list).toHaveLength(60);
  expect(seen(list, ends('ok'), rules, T0)).toHaveLength(60); // a count asks for none that went well
});

describe('in shards', () => {
  const ANY_HALF = [{ class: 'any', share: 0.5, window: '1h' }] as const;
  const failures = (count: number) => ends(...Array<'lost'>(count).fill('lost'));
  const isToBeTold = (
    list: readonly JobEndSeen[],
    rules: readonly StopLossRule[],
    told: readonly JobEndSeen[] = [],
    since = 0,
  ) => isToTell(list, told, rules, T0 + list.length * 1000, since);

  test('a failure that is counted is told at once, also after any number that went well', () => {
    const rules = [{ class: 'lost', count: 100, window: '1h' }] as const;
    expect(isToBeTold(ends('ok', 'ok', 'rejected'), rules)).toBe(false);
    expect(isToBeTold(ends('ok', 'ok', 'lost'), rules, failures(99))).toBe(true);
  });

  test('of a large count it is told when there are some', () => {
    const rules = [{ class: 'any', count: 250, window: '1h' }] as const;
    expect(isToBeTold(ends('lost', 'lost'), rules)).toBe(false);
    expect(isToBeTold(ends('lost', 'lost', 'lost'), rules)).toBe(true);
  });

  test('below a share nothing is told', () => {
    expect(isToBeTold(ends('lost'), ANY_HALF)).toBe(true);
    expect(isToBeTold(ends('ok', 'ok', 'lost'), ANY_HALF)).toBe(false);
    expect(isToBeTold(ends('ok', 'ok', 'lost', 'lost'), ANY_HALF)).toBe(true);
    expect(isToBeTold(ends('lost'), ANY_HALF, failures(40))).toBe(false);
    expect(isToBeTold(ends('ok', 'ok', 'lost'), ANY_HALF, [], T0 + 1500)).toBe(true); // a person has said "go on"
  });

  test('many failures told long ago, or before a person said "go on", keep no shard silent', () => {
    const [told] = failures(1);
    const at = (atMs: number) => Array.from({ length: 4000 }, () => ({ ...told!, atMs, admittedAtMs: atMs }));
    expect(isToBeTold(ends('lost'), ANY_HALF, at(T0 - 60_000))).toBe(false);
    expect(isToBeTold(ends('lost'), ANY_HALF, at(T0 - 3_600_000))).toBe(true);
    expect(isToBeTold(ends('lost'), ANY_HALF, at(T0 - 60_000), T0 - 30_000)).toBe(true);
  });

  test.each([
    ['evenly', (at: number) => chance(at) < 0.3],
    ['in bad stretches', (at: number) => (at + 217 * shardOf(at)) % SHARD_JOBS < 75],
    ['in whole shards', (at: number) => (shardOf(at) % 10) % 3 === 2],
  ])('10,000 jobs of which 30% fail %s: no share of a half strikes, and little is told', (_how, isBad) => {
    const { struck, tellings, questions } = inShards(10_000, isBad, ANY_HALF);
    expect(struck).toBeUndefined();
    expect(tellings).toBeLessThan(600); // 3,000 failures
    expect(questions).toBeLessThan(30);
  });

  test.each([
    ['a count', { class: 'any', count: 60, window: '1h' }, 0],
    ['a count of which shards keep some', { class: 'any', count: 400, window: '1h' }, 8 * 4],
    ['a share', { class: 'any', share: 0.3, window: '1h' }, 12],
  ] as const)('%s strikes as it would in one run, and never before', (_what, rule, lateMost) => {
    for (let seed = 1; seed <= 20; seed++) {
      const isBad = (at: number) => chance(at + 10_000 * seed) < (at < 100 * seed ? 0.1 : 0.6);
      const { struck = NaN, struckInOne = NaN } = inShards(4000, isBad, [rule]);
      expect(struck - struckInOne).toBeGreaterThanOrEqual(0);
      expect(struck - struckInOne).toBeLessThanOrEqual(lateMost);
    }
  });
});

const shardOf = (at: number): number => Math.floor(at / SHARD_JOBS);

/** From 0 to 1, the same for the same number. */
const chance = (of: number): number => Math.abs(Math.sin(of * 12.9898) * 43758.5453) % 1;

/**
 * Eight shards at a time end a job each in turn, 1,200 an hour in all, and tell as `isToTell` says; where what is known
 * strikes, all are asked, and it is looked at again.
 * @returns failures when it struck, and when it would have in one run
 */
function inShards(jobs: number, isBad: (at: number) => boolean, rules: readonly StopLossRule[]) {
  const slices = Array.from({ length: jobs / SHARD_JOBS }, (_, index) => ({
    next: index * SHARD_JOBS,
    untold: [] as JobEndSeen[],
    told: [] as JobEndSeen[],
  }));
  const running = slices.splice(0, 8);
  let known: JobEndSeen[] = [];
  let all: JobEndSeen[] = [];
  let [failures, tellings, questions] = [0, 0, 0];
  let [struck, struckInOne]: (number | undefined)[] = [];
  for (let turn = 0; running.length > 0 && struck === undefined; turn++) {
    const nowMs = T0 + turn * 3000;
    const shard = running[turn % running.length]!;
    const hear = (from: typeof shard) => {
      const failures = from.untold.filter(({ errorClass }) => errorClass !== undefined);
      from.told = seen(from.told, failures, rules, nowMs);
      known = seen(known, from.untold, rules, nowMs);
      from.untold = [];
    };
    const end: JobEndSeen = {
      atMs: nowMs,
      admittedAtMs: nowMs,
      ...(isBad(shard.next) && { errorClass: 'invalid' }),
    };
    if (end.errorClass) failures++;
    all = seen(all, [end], rules, nowMs);
    if (stopLoss(all, rules, nowMs) !== undefined) struckInOne ??= failures;
    shard.untold = seen(shard.untold, [end], rules, nowMs);
    const isOver = ++shard.next % SHARD_JOBS === 0;
    const tells = isToTell(shard.untold, shard.told, rules, nowMs, 0);
    if (isOver) running.splice(running.indexOf(shard), 1, ...slices.splice(0, 1));
    if (tells) tellings++;
    if (!tells && !isOver) continue;
    hear(shard);
    if (stopLoss(known, rules, nowMs, 0, false) === undefined) continue;
    questions++;
    running.forEach(hear);
    if (stopLoss(known, rules, nowMs) !== undefined) struck = failures;
  }
  return { struck, struckInOne, tellings, questions };
}

test('a rule needs a count or a share, not both', () => {
  const valid = (rule: object) => stopLossSchema.safeParse([rule]).success;
  expect(valid({ class: 'auth', count: 3 })).toBe(true);
  expect(valid({ class: 'auth' })).toBe(false);
  expect(valid({ class: 'auth', count: 3, share: 0.5 })).toBe(false);
  expect(stopLossSchema.parse([])).toEqual([]);
});
