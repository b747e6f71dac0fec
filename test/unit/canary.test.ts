// The jobs of a run that go first, and what their ends mean for the others.
import { expect, test } from 'vitest';
import { canarySchema } from '../../src/contract/limits.js';
import type { JobOutcome } from '../../src/contract/job-outcome.js';
import {
  admitsNext,
  afterEnd,
  begun,
  canaryOf,
  didWell,
  isOver,
  type Canary,
} from '../../src/policy/canary.js';

const DONE: JobOutcome = { state: 'done', fingerprint: 'f'.repeat(64), revision: 1, effectKeys: [] };
const PARKED: JobOutcome = { state: 'parked', trouble: { errorClass: 'rejected', message: 'too short' } };
const jobNamed = (key: string) => ({ key, title: `post ${key}` });

/** So many of which these jobs were begun. */
const under = (of: number, ...keys: string[]): Canary => keys.reduce(begun, canaryOf(of));
const end = (canary: Canary, key: string, outcome: JobOutcome) => afterEnd(canary, jobNamed(key), outcome);

test('no more than so many jobs begin before all of them did well', () => {
  expect(admitsNext(under(2, 'a'))).toBe(true);
  expect(admitsNext(under(2, 'a', 'b'))).toBe(false);
  const { canary } = end(under(2, 'a', 'b'), 'a', DONE);
  expect([admitsNext(canary), isOver(canary)]).toEqual([false, false]);
  const { canary: over } = end(canary, 'b', DONE);
  expect([admitsNext(over), isOver(over)]).toEqual([true, true]);
});

test('without a canary every job begins, and no end of one is a failure of it', () => {
  expect(admitsNext(under(0, 'a', 'b', 'c'))).toBe(true);
  expect(end(canaryOf(), 'a', PARKED).failure).toBeUndefined();
});

test('a job that was parked, or held, fails it and says which and why', () => {
  expect(end(under(2, 'a', 'b'), 'b', PARKED).failure).toBe(
    'the canary failed: post b was parked: rejected: too short',
  );
  const held: JobOutcome = { state: 'held', trouble: { errorClass: 'unknown', message: 'no answer' } };
  expect(end(under(1, 'a'), 'a', held).failure).toMatch(/post a was held: unknown: no answer$/);
});

test('after a failure it begins anew, and jobs that were under way then count neither way', () => {
  const { canary } = end(under(2, 'a', 'b'), 'a', PARKED);
  expect(end(canary, 'b', PARKED)).toEqual({ canary });
  expect(end(canary, 'b', DONE)).toEqual({ canary });
  expect(admitsNext(begun(canary, 'c'))).toBe(true);
  expect(admitsNext(begun(begun(canary, 'c'), 'd'))).toBe(false);
});

test('a job that waits for a person did well, counts once, and still fails it when it is parked too soon', () => {
  const waits = didWell(under(2, 'a', 'b'), 'a');
  expect(isOver(waits)).toBe(false);
  expect(isOver(end(waits, 'a', DONE).canary)).toBe(false);
  expect(isOver(didWell(waits, 'b'))).toBe(true);
  expect(end(waits, 'a', PARKED).failure).toBeDefined();
  expect(end(didWell(waits, 'b'), 'a', PARKED).failure).toBeUndefined();
});

test('a job that was found done, stopped by a limit, or cancelled leaves its place to another', () => {
  const trouble = { errorClass: 'auth', message: 'expired' } as const;
  for (const outcome of [
    { ...DONE, state: 'adopted' },
    { state: 'gated', trouble },
    { state: 'cancelled' },
  ] satisfies JobOutcome[]) {
    const { canary, failure } = end(under(1, 'a'), 'a', outcome);
    expect(failure).toBeUndefined();
    expect([admitsNext(canary), isOver(canary)]).toEqual([true, false]);
  }
});

test('it is a whole number from 1 to 100', () => {
  expect([1, 100].every((jobs) => canarySchema.safeParse(jobs).success)).toBe(true);
  expect([0, 101, 1.5, '3'].some((jobs) => canarySchema.safeParse(jobs).success)).toBe(false);
});

test('what a person has decided fails it as little as it does well: another job takes its place', () => {
  const trouble = { errorClass: 'rejected', message: 'post: rejected by ann', decided: true } as const;
  const rejected: JobOutcome = { state: 'held', trouble };
  const { canary, failure } = end(under(2, 'a', 'b'), 'a', rejected);
  expect(failure).toBeUndefined();
  expect([admitsNext(canary), isOver(canary)]).toEqual([true, false]);
  const waited = end(didWell(under(2, 'a', 'b'), 'a'), 'a', rejected);
  expect(waited.failure).toBeUndefined();
  expect(isOver(end(waited.canary, 'b', DONE).canary)).toBe(true);
});
