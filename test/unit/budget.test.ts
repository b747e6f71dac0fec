// Whether one more session may start, and what is set aside for it; and where days begin that are budgeted.
import { describe, expect, test } from 'vitest';
import { budgetSchema } from '../../src/contract/batch-file.js';
import {
  budgetLimits,
  decideBudget,
  neverStarts,
  reservationMicros,
  usedUpUntilOf,
  type BudgetStanding,
} from '../../src/policy/budget.js';
import { budgetDay, dayEndsInTheNight } from '../../src/policy/budget-day.js';
import { dayAfter, dayNamer, startOfDay } from '../../src/policy/calendar-day.js';

const UNIT = 1_000_000;
const NEXT_DAY = '2026-11-24T00:00:00.000Z';
const limitsOf = (spec: object) => budgetLimits(budgetSchema.parse(spec));
const spent = (booked = 0, reserved = 0) => ({
  bookedMicros: booked * UNIT,
  reservedMicros: reserved * UNIT,
});
const counted = (endedSessions: number, openSessions = 0, tokens = 0) => ({
  ...{ endedSessions, openSessions, tokens },
});
const standing = (more: Partial<BudgetStanding> = {}): BudgetStanding => ({
  job: spent(),
  batch: spent(),
  day: spent(),
  otherCurrencies: [],
  ...more,
});

describe('the decision', () => {
  test.each([
    [{ perJob: 1 }, { job: spent(0.6) }, 'park'],
    [{ perBatch: 1 }, { batch: spent(0.6) }, 'gate'],
    [{ perDay: 1 }, { day: spent(0.6) }, 'gate'],
    [{ perSite: 1 }, { site: { name: 'blog', ...spent(0.6) } }, 'gate'],
    [{ perBatch: 1 }, { batch: spent(0, 0.6) }, 'wait'],
    [{ perBatch: 1 }, { batch: spent(0.2, 0.3) }, 'ok'],
    [{ perBatch: 1 }, { batch: spent(0.2, 0.300001) }, 'wait'],
    [{ perSite: 1 }, {}, 'ok'],
    [{ perJob: 1, perBatch: 1 }, { job: spent(0.6), batch: spent(0.6) }, 'park'],
    [{ perBatch: 1, perDay: 1 }, { batch: spent(0, 0.6), day: spent(0.6) }, 'gate'],
    [{ perBatch: 0 }, {}, 'gate'],
    [{}, { batch: spent(1e6) }, 'ok'],
    [{ sessions: 3 }, { counted: counted(2) }, 'ok'],
    [{ sessions: 3 }, { counted: counted(3) }, 'gate'],
    [{ sessions: 3 }, { counted: counted(2, 1) }, 'wait'],
    [{ tokens: 100 }, { counted: counted(1, 5, 99) }, 'ok'],
    [{ tokens: 100 }, { counted: counted(1, 0, 100) }, 'gate'],
    // Of no money, so no currency is in the way.
    [{ sessions: 3 }, { counted: counted(2), otherCurrencies: ['EUR'] }, 'ok'],
    [{ sessions: 3, perBatch: 1 }, { counted: counted(2), otherCurrencies: ['EUR'] }, 'gate'],
  ])('%j with %j: %s', (spec, has, kind) => {
    const limits = limitsOf({ perSession: 0.5, ...spec });
    expect(decideBudget(limits, standing(has), NEXT_DAY).kind).toBe(kind);
  });

  test('a refusal says which budget, what is used and reserved, and what to do', () => {
    const limits = limitsOf({ perSession: 0.5, perDay: 2 });
    expect(decideBudget(limits, standing({ day: spent(1.75, 0.5) }), NEXT_DAY)).toEqual({
      kind: 'gate',
      until: NEXT_DAY,
      errorClass: 'budget',
      message: `budget.perDay is used up until ${NEXT_DAY}, or until it is raised: all batches, today, used 1.75 USD, 0.5 USD more is reserved, one more session may cost 0.5 USD, and budget.perDay is 2 USD`,
    });
  });

  test.each([
    [
      { perSession: 2, perBatch: 1, perDay: 5 },
      undefined,
      [
        /^no session can ever start: 2 USD .*by budget\.perSession.*budget\.perBatch is 1 USD; raise budget\.perBatch, or lower budget\.perSession$/,
      ],
    ],
    [
      { perSession: 2, perJob: 1, perSite: 1.5 },
      undefined,
      [/budget\.perJob is 1 USD/, /budget\.perSite is 1\.5 USD/],
    ],
    [
      { perSession: 0.5, perBatch: 1 },
      2 * UNIT,
      [/2 USD is set aside .*at which the agent itself stops one.*raise budget\.perBatch, or lower that cap/],
    ],
    [{ perSession: 2, perBatch: 2 }, undefined, []],
    [{ perBatch: 0.01 }, undefined, []], // a guess is never more than a whole budget
  ] as const)('%j, with a cap of %s: budgets that let nothing start are named', (spec, cap, said) => {
    const limits = limitsOf(spec);
    const sentences = neverStarts(limits, cap);
    expect(sentences).toHaveLength(said.length);
    for (const [at, sentence] of sentences.entries()) expect(sentence).toMatch(said[at] ?? '');
    const site = { name: 'blog', ...spent() };
    const { kind } = decideBudget(limits, standing({ site }), NEXT_DAY, cap);
    expect(kind === 'ok').toBe(said.length === 0);
  });

  test.each(['perDay', 'perSite'] as const)(
    'when %s has room again is read from what its job was told',
    (option) => {
      const limits = limitsOf({ perSession: 0.5, [option]: 0.5 });
      const site = { name: 'blog', ...spent(0.5) };
      const decision = decideBudget(limits, standing({ day: spent(0.5), site }), NEXT_DAY);
      const message = decision.kind === 'gate' ? decision.message : '';
      const error = { class: 'budget', message };
      expect(usedUpUntilOf({ state: 'gated', error })).toBe(NEXT_DAY);
      expect(usedUpUntilOf({ state: 'parked', error })).toBeUndefined();
      expect(
        usedUpUntilOf({ state: 'gated', error: { ...error, message: `the batch: ${message}` } }),
      ).toBeUndefined();
    },
  );

  test('so does one of sessions or of tokens', () => {
    const messageOf = (spec: object) => {
      const decision = decideBudget(limitsOf(spec), standing({ counted: counted(3, 2, 1000) }), NEXT_DAY);
      return decision.kind === 'ok' ? '' : decision.message;
    };
    expect(messageOf({ sessions: 3 })).toBe(
      'the batch used 3 sessions, 2 more under way, and budget.sessions is 3 sessions: raise budget.sessions, then run it again',
    );
    expect(messageOf({ tokens: 1000 })).toBe(
      'the batch used 1000 tokens, and budget.tokens is 1000 tokens: raise budget.tokens, then run it again',
    );
    expect(messageOf({ sessions: 5 }), 'one that ran leaves no room, whatever it cost').toBe(
      'the batch used 3 sessions, 2 more under way, and budget.sessions is 5 sessions: it starts when one of them turns out not to have begun',
    );
  });

  test('another currency is a matter of what the file says, not of an amount that is to be raised', () => {
    const decision = decideBudget(limitsOf({ perDay: 2 }), standing({ otherCurrencies: ['EUR'] }), NEXT_DAY);
    expect(decision).toMatchObject({ kind: 'gate', errorClass: 'config' });
    if (decision.kind === 'gate') expect(decision.message).toContain('put the budget in EUR');
  });

  test('crossing a share of a budget is told once', () => {
    const limits = limitsOf({ perSession: 0.25, perBatch: 1 });
    const warnings = [0, 0.25, 0.5, 0.75].map((booked) => {
      const decision = decideBudget(limits, standing({ batch: spent(booked) }), NEXT_DAY);
      return decision.kind === 'ok' ? decision.warnings.length : -1;
    });
    expect(warnings).toEqual([0, 1, 0, 1]);
  });
});

describe('what is set aside', () => {
  test.each([
    ['the agent’s own cap', { perSession: 2 }, 3, 1, 3],
    ['perSession', { perSession: 2 }, undefined, 1, 2],
    ['the highest cost lately', {}, undefined, 1, 1],
    ['5 where nothing is known', {}, undefined, undefined, 5],
    ['a guess no larger than a whole budget', { perJob: 0.5, perBatch: 20 }, undefined, undefined, 0.5],
    ['nothing for agents that are free', { perBatch: 1 }, undefined, 0, 0],
  ])('%s', (_, spec, cap, seen, expected) => {
    const micros = (units: number | undefined) => (units === undefined ? undefined : units * UNIT);
    expect(reservationMicros(limitsOf(spec), micros(seen), micros(cap))).toBe(expected * UNIT);
  });
});

describe('days', () => {
  test.each([
    ['UTC', '2026-11-23T10:00:00Z', '2026-11-23T00:00:00.000Z', 24],
    ['Europe/Madrid', '2026-11-23T23:30:00Z', '2026-11-23T23:00:00.000Z', 24],
    ['Europe/Madrid', '2026-03-29T12:00:00Z', '2026-03-28T23:00:00.000Z', 23],
    ['Europe/Madrid', '2026-10-25T12:00:00Z', '2026-10-24T22:00:00.000Z', 25],
    ['Asia/Kathmandu', '2026-11-23T18:15:00Z', '2026-11-23T18:15:00.000Z', 24],
    ['America/Santiago', '2026-09-06T12:00:00Z', '2026-09-06T04:00:00.000Z', 23], // its clocks change at midnight
  ])('in %s, %s is in a day that begins at %s and has %i hours', (timeZone, at, from, hours) => {
    const day = budgetDay(new Date(at), { timeZone, dayEndsAt: '00:00' });
    expect(day.from.toISOString()).toBe(from);
    expect((day.until.getTime() - day.from.getTime()) / 3_600_000).toBe(hours);
    const name = dayNamer(timeZone)(new Date(at));
    expect(startOfDay(name, timeZone)).toEqual(day.from);
    expect(startOfDay(dayAfter(name), timeZone)).toEqual(day.until);
  });

  test.each([
    ['a night is one day', '12:00', '2026-11-23T21:00:00Z', '2026-11-23T11:00Z', '2026-11-24T11:00Z'],
    ['so is its end', '12:00', '2026-11-24T05:00:00Z', '2026-11-23T11:00Z', '2026-11-24T11:00Z'],
    [
      'the end belongs to the next',
      '12:00',
      '2026-11-24T11:00:00Z',
      '2026-11-24T11:00Z',
      '2026-11-25T11:00Z',
    ],
    ['clocks went forward', '12:00', '2026-03-29T01:30:00Z', '2026-03-28T11:00Z', '2026-03-29T10:00Z'],
    ['a skipped end', '02:30', '2026-03-29T00:59:00Z', '2026-03-28T01:30Z', '2026-03-29T01:00Z'],
    ['an end that comes twice', '02:30', '2026-10-25T00:45:00Z', '2026-10-25T00:30Z', '2026-10-26T01:30Z'],
    ['and what follows it', '02:30', '2026-10-25T01:15:00Z', '2026-10-25T00:30Z', '2026-10-26T01:30Z'],
  ])('by Madrid’s clock, %s: one that ends at %s', (_, dayEndsAt, at, from, until) => {
    const day = budgetDay(new Date(at), { timeZone: 'Europe/Madrid', dayEndsAt });
    expect(day).toEqual({ from: new Date(from), until: new Date(until) });
  });

  test.each([
    ['midnight is in the night', {}, { at: '07:00', timeZone: 'UTC' }, '2026-11-23T10:00:00Z', true],
    ['noon is not', { dayEndsAt: '12:00' }, { at: '07:00', timeZone: 'UTC' }, '2026-11-23T10:00:00Z', false],
    ['midnight is over', {}, { at: '07:00', timeZone: 'UTC' }, '2026-11-24T02:00:00Z', false],
    [
      'a day ends with the night',
      { dayEndsAt: '07:00' },
      { at: '07:00', timeZone: 'UTC' },
      '2026-11-23T22:00:00Z',
      false,
    ],
    ['a span over midnight', {}, '8h', '2026-11-23T22:00:00Z', true],
    ['a span before midnight', {}, '8h', '2026-11-23T10:00:00Z', false],
    ['no deadline', {}, undefined, '2026-11-23T22:00:00Z', false],
  ] as const)('a plan says that a day ends in the night: %s', (_, spec, deadline, now, said) => {
    const limits = limitsOf({ perDay: 100, ...spec });
    expect(dayEndsInTheNight(limits, deadline, new Date(now)) !== undefined).toBe(said);
    const { perDay: _perDay, ...without } = limits;
    expect(dayEndsInTheNight(without, deadline, new Date(now))).toBeUndefined();
  });
});

test('an unknown time zone, a share of 1, a misspelt budget are refused', () => {
  for (const wrong of [
    { timeZone: 'Mars/Base' },
    { warnAt: [1] },
    { perNight: 1 },
    { perDay: -1 },
    { perDay: 1, dayEndsAt: '24:00' },
  ]) {
    expect(budgetSchema.safeParse(wrong).success).toBe(false);
  }
});
