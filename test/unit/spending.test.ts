// Shares of a budget that are told of: what the ledger adds up, and what becomes a warning.
import { expect, test } from 'vitest';
import type { BudgetLimits } from '../../src/policy/budget.js';
import { spendingCauses, type BudgetUse, type SpendingStanding } from '../../src/policy/spending.js';
import { aLedger, BATCH, by, claimed, collected, jobOf, openBatch, sessionOf } from './ledger-fixture.js';

const UNIT = 1_000_000;
const LIMITS: BudgetLimits = {
  currency: 'USD',
  dayEndsAt: '00:00',
  timeZone: 'UTC',
  warnAt: [0.5, 0.8],
  perSession: 10 * UNIT,
};
const used = (booked: number, reserved = 0) => ({
  bookedMicros: booked * UNIT,
  reservedMicros: reserved * UNIT,
});

function causesOf(
  limits: Partial<BudgetLimits>,
  use: Partial<BudgetUse>,
  more: Partial<SpendingStanding> = {},
) {
  return spendingCauses({
    name: 'nightly',
    batchId: BATCH,
    day: '2026-11-28',
    limits: { ...LIMITS, ...limits },
    use: {
      ...{ batch: used(0), day: used(0), sites: [] },
      ...use,
    },
    jobs: 100,
    statusCommand: 'nightshift status nightly',
    ...more,
  });
}

test('the highest share that is used or set aside is told, and none before it is reached', () => {
  const limits = { perBatch: 40 * UNIT };
  const headlines = (booked: number, reserved = 0) =>
    causesOf(limits, { batch: used(booked, reserved) }).map(({ detail }) => detail.headline);
  expect(headlines(19, 0.9)).toEqual([]);
  expect(headlines(10, 10)).toEqual([
    '50% of budget.perBatch of this batch or more is used or set aside: 20 USD of 40 USD',
  ]);
  expect(headlines(31.9)).toEqual([expect.stringMatching(/^50%/)]);
  expect(headlines(32)).toEqual([expect.stringMatching(/^80%/)]);
  expect(causesOf({ ...limits, warnAt: [] }, { batch: used(40) })).toEqual([]);
});

test('sessions and tokens are told of as money is', () => {
  const counted = { endedSessions: 6, openSessions: 2, tokens: 600 };
  const told = causesOf({ sessions: 10, tokens: 1000 }, { counted });
  expect(told.map(({ detail }) => detail.headline)).toEqual([
    '80% of budget.sessions of this batch or more is used or set aside: 8 of 10',
    '50% of budget.tokens of this batch or more is used or set aside: 600 of 1000',
  ]);
});

test('each budget, share, batch, day and site is a cause of its own; single jobs are none', () => {
  const limits = { perBatch: UNIT, perDay: UNIT, perSite: UNIT, perJob: 1 };
  const site = (name: string, booked = 0.5) => ({ name, ...used(booked) });
  const use = { batch: used(0.5), day: used(0.5), sites: [site('blog'), site('shop'), site('idle', 0)] };
  const prints = (more: Partial<SpendingStanding> = {}, also: Partial<BudgetUse> = {}) =>
    causesOf(limits, { ...use, ...also }, more).map(({ fingerprint }) => fingerprint);
  const first = prints();
  expect(new Set(first).size).toBe(4);
  expect(prints()).toEqual(first);
  const fresh = (others: string[]) => others.filter((print) => !first.includes(print)).length;
  expect(fresh(prints({ batchId: 'batch:nightly:2' }))).toBe(1);
  expect(fresh(prints({ day: '2026-11-29' }))).toBe(3);
  expect(fresh(prints({}, { batch: used(0.8) }))).toBe(1);
});

test('the ledger adds up what is booked and what is set aside, by batch, day and site', async () => {
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one', 'two']);
  for (const [slug, end] of [
    ['one', true],
    ['two', false],
  ] as const) {
    const { fence, nextAttempt } = await claimed(ledger, slug);
    const session = sessionOf(slug, nextAttempt);
    const row = { ...session, ...jobOf(slug), provider: 'command', revision: 1, by: by() };
    expect((await ledger.reserveSession(row, { limits: LIMITS }, fence)).kind).toBe('ok');
    await ledger.saveHandle(session, {}, fence);
    if (end) await ledger.endSession(session, collected(3 * UNIT), fence);
  }
  const today = { from: new Date(0), until: new Date('2999-01-01') };
  const both = used(3, 10);
  expect(await ledger.budgetUse(BATCH, { currency: 'USD', sessions: 5 }, today)).toEqual({
    batch: both,
    counted: { endedSessions: 1, openSessions: 1, tokens: 0 },
    day: both,
    sites: [{ name: 'blog', ...both }],
  });
  const past = { from: new Date(0), until: new Date(1) };
  expect(await ledger.budgetUse('batch:other', { currency: 'USD' }, past)).toEqual({
    batch: used(0),
    day: used(0, 10),
    sites: [],
  });
});
