// What a plan says that the sessions of a run would cost, and how it knows.
import { expect, test } from 'vitest';
import { costOf, estimateCost } from '../../src/client/estimate-cost.js';
import type { CostRow, Ledger } from '../../src/ledger/ledger.js';
import { aDefinition } from './definition-fixture.js';

interface Paid {
  readonly cost: number;
  readonly work?: string;
  readonly currency?: string;
  readonly use?: string;
  readonly costSource?: string;
}

/** A ledger with sessions of those costs. */
const after = (paid: readonly Paid[]): Pick<Ledger, 'costs'> => ({
  costs: async (_, sink) => {
    const rows = paid.map(
      ({ cost, work = 'article', currency = 'USD', use = 'useful', costSource = 'reported' }) => ({
        ...{ work, currency, use },
        usage: { costMicros: cost * 1_000_000, costSource },
      }),
    );
    sink(rows as unknown as CostRow[]);
  },
});

const BUDGET = { budget: { perSession: 3, currency: 'USD' } };
const estimate = (
  paid: readonly Paid[],
  { sessions = 4, more = {} }: { sessions?: number; more?: object } = {},
) => estimateCost({ definition: aDefinition('/nowhere', more) }, sessions, after(paid));

test('by the mean of the sessions of this work whose cost is known, in its currency', async () => {
  const others = [
    { cost: 100, work: 'other' },
    { cost: 100, currency: 'EUR' },
    { cost: 100, use: 'open' },
    { cost: 0, costSource: 'none' },
  ];
  expect(
    await estimate([{ cost: 1 }, { cost: 2 }, { cost: 3, use: 'wasted' }, ...others], { more: BUDGET }),
  ).toEqual({
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
  expect(await estimate([{ cost: 0, costSource: 'none' }])).toEqual({ from: 'nothing', sessions: 4 });
  expect(await estimate([{ cost: 1 }], { sessions: 0 })).toEqual({ from: 'no-sessions', sessions: 0 });
});

test('of a part of the sessions, its part', async () => {
  const whole = await estimate([{ cost: 2 }]);
  expect(costOf(whole, 1)).toMatchObject({ from: 'ledger', sessions: 1, total: 2 });
  expect(costOf(whole, 0)).toEqual({ from: 'no-sessions', sessions: 0 });
});
