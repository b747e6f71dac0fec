// What a plan says that the sessions of a run would cost, and how it knows.
import { expect, test } from 'vitest';
import { costOf, estimateCost } from '../../src/client/estimate-cost.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { aDefinition } from './definition-fixture.js';

/** A ledger with ended sessions of those costs, which their work and currency are asked for. */
const after = (paid: readonly number[]): Pick<Ledger, 'costOfSessions'> => ({
  costOfSessions: async (of) => {
    expect(of).toEqual({ work: 'article', currency: 'USD' });
    if (paid.length === 0) return undefined;
    const micros = paid.map((cost) => cost * 1_000_000);
    const total = micros.reduce((sum, cost) => sum + cost, 0);
    return { sessions: paid.length, total, low: Math.min(...micros), high: Math.max(...micros) };
  },
});

const BUDGET = { budget: { perSession: 3, currency: 'USD' } };
const estimate = (
  paid: readonly number[],
  { sessions = 4, more = {} }: { sessions?: number; more?: object } = {},
) => estimateCost({ definition: aDefinition('/nowhere', more) }, sessions, after(paid));

test('by the mean of the sessions of this work whose cost is known, in its currency', async () => {
  expect(await estimate([1, 2, 3], { more: BUDGET })).toEqual({
    ...{ from: 'ledger', sessions: 4, currency: 'USD', total: 8, known: 3 },
    each: { low: 1, mean: 2, high: 3 },
  });
});

test('else by what one may cost at most, else it is not known', async () => {
  expect(await estimate([], { more: BUDGET })).toEqual({
    from: 'budget',
    sessions: 4,
    currency: 'USD',
    total: 12,
  });
  expect(await estimate([])).toEqual({ from: 'nothing', sessions: 4 });
  expect(await estimate([1], { sessions: 0 })).toEqual({ from: 'no-sessions', sessions: 0 });
});

test('of a part of the sessions, its part', async () => {
  const whole = await estimate([2]);
  expect(costOf(whole, 1)).toMatchObject({ from: 'ledger', sessions: 1, total: 2 });
  expect(costOf(whole, 0)).toEqual({ from: 'no-sessions', sessions: 0 });
});
