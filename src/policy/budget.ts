import type { BatchFile } from '../contract/batch-file.js';
import { MICROS } from './money.js';

/** Amounts of money are whole micro-units of the currency: 0.01 USD is 10,000. */
export interface BudgetLimits {
  readonly currency: string;
  readonly perSession?: number;
  readonly perJob?: number;
  readonly perBatch?: number;
  readonly perDay?: number;
  readonly perSite?: number;
  /** That the batch may begin. */
  readonly sessions?: number;
  /** That the batch may use. */
  readonly tokens?: number;
  /** Shares of a budget, from 0 to 1, whose crossing is told. */
  readonly warnAt: readonly number[];
  /** Local time at which a day ends, such as `12:00`, and the IANA name of its zone. */
  readonly dayEndsAt: string;
  readonly timeZone: string;
}

/** What sessions that are over have cost, and what is set aside for those that are not. */
export interface Spent {
  readonly bookedMicros: number;
  readonly reservedMicros: number;
}

/** What a batch has used beside money, over all its runs. */
export interface Counted {
  /** That are over, and have run. */
  readonly endedSessions: number;
  readonly openSessions: number;
  readonly tokens: number;
}

/** All that the decision rests on, read in the transaction that would reserve. */
export interface BudgetStanding {
  readonly job: Spent;
  readonly batch: Spent;
  /** Of the batch; absent where no budget asks for it. */
  readonly counted?: Counted;
  readonly day: Spent;
  /** Absent for jobs without a site. */
  readonly site?: Spent & { readonly name: string };
  /** The highest cost of a session of this work and provider lately; absent where none is known. */
  readonly seenMicros?: number;
  /** Other currencies in which sessions of the job or the batch were booked. */
  readonly otherCurrencies: readonly string[];
}

/**
 * `park`: only this job is over its budget. `gate`: nothing of the batch starts (of this site, where the site is
 * meant) before `until`, or before a person raises the budget. `wait`: there is room once sessions under way end.
 */
export type BudgetDecision =
  | { readonly kind: 'ok'; readonly micros: number; readonly warnings: readonly string[] }
  | { readonly kind: 'park'; readonly message: string }
  | {
      readonly kind: 'gate';
      readonly message: string;
      readonly until?: string;
      /** Other sites have room. */
      readonly ofSite?: boolean;
      /** `config`: it is not the amount that a person has to put right. */
      readonly errorClass: 'budget' | 'config';
    }
  | { readonly kind: 'wait'; readonly message: string; readonly delayMs: number };

/** Set aside for a session of which nothing is known: 5 units of the currency, as the reserve of a managed agent. */
export const RESERVE_DEFAULT_MICROS = 5_000_000;

/** How long a job waits before it asks again whether sessions under way have left room. */
export const ROOM_WAIT_MS = 15_000;

const MIDNIGHT = '00:00';

type BudgetSpec = NonNullable<BatchFile['budget']>;

/** The budget of a batch file in micro-units. */
export function budgetLimits(spec: BudgetSpec): BudgetLimits {
  const micros = (amount: number | undefined): number | undefined =>
    amount === undefined ? undefined : Math.round(amount * MICROS);
  const { perSession, perJob, perBatch, perDay, perSite } = spec;
  const amounts = { perSession, perJob, perBatch, perDay, perSite };
  const limits = Object.entries(amounts).flatMap(([name, amount]) => {
    const limit = micros(amount);
    return limit === undefined ? [] : [[name, limit] as const];
  });
  return {
    ...Object.fromEntries(limits),
    ...(spec.sessions !== undefined && { sessions: spec.sessions }),
    ...(spec.tokens !== undefined && { tokens: spec.tokens }),
    currency: spec.currency,
    warnAt: spec.warnAt,
    dayEndsAt: spec.dayEndsAt ?? MIDNIGHT,
    timeZone: spec.timeZone,
  };
}

/**
 * What to set aside for the next session: the agent's own cap, else the batch file's `perSession`, else the highest
 * cost seen lately, else `RESERVE_DEFAULT_MICROS`. A guess is never larger than a whole budget, or nothing would
 * ever start; a cap is taken as it is.
 * @param capMicros  at which the service itself stops a session
 */
export function reservationMicros(
  limits: BudgetLimits,
  seenMicros: number | undefined,
  capMicros?: number,
): number {
  const sure = capMicros ?? limits.perSession;
  if (sure !== undefined) return sure;
  const { perJob, perBatch, perDay, perSite } = limits;
  const whole = [perJob, perBatch, perDay, perSite].filter((limit) => limit !== undefined);
  return Math.min(seenMicros ?? RESERVE_DEFAULT_MICROS, ...whole);
}

/**
 * Budgets of which not even the first session has room: what is set aside for it is more than the whole of one, so that
 * nothing can ever start. A guess never is.
 * @returns a sentence for each, with what to change
 */
export function neverStarts(limits: BudgetLimits, capMicros?: number): string[] {
  const each = capMicros ?? limits.perSession;
  if (each === undefined) return [];
  const amount = (micros: number): string => `${unitsOf(micros)} ${limits.currency}`;
  const [by, lower] =
    capMicros === undefined
      ? ['by budget.perSession', 'lower budget.perSession']
      : ['at which the agent itself stops one', 'lower that cap of the agent'];
  return (['perJob', 'perBatch', 'perSite', 'perDay'] as const).flatMap((option) => {
    const limit = limits[option];
    if (limit === undefined || limit >= each) return [];
    return [
      `no session can ever start: ${amount(each)} is set aside for each (${by}), and budget.${option} is ${amount(limit)}; raise budget.${option}, or ${lower}`,
    ];
  });
}

interface Scope {
  readonly option: 'perJob' | 'perBatch' | 'perSite' | 'perDay' | 'sessions' | 'tokens';
  readonly subject: string;
  readonly limit: number;
  readonly booked: number;
  readonly reserved: number;
  /** What one more session takes of it. */
  readonly each: number;
  /** An amount of it, for people. */
  readonly amount: (value: number) => string;
}

/**
 * Whether one more session may start. It may when what is booked, what is reserved and what it may cost are together
 * within every budget, and none is used up.
 * @param nextDay ISO 8601; when the budgets of a day begin anew
 */
export function decideBudget(
  limits: BudgetLimits,
  standing: BudgetStanding,
  nextDay: string,
  capMicros?: number,
): BudgetDecision {
  const micros = reservationMicros(limits, standing.seenMicros, capMicros);
  const scopes = scopesOf(limits, standing, micros);
  const [other] = standing.otherCurrencies;
  if (other !== undefined && scopes.some(isOfMoney)) {
    const message = `the budget is in ${limits.currency}, but sessions were booked in ${other}, and the two can't be added: put the budget in ${other}, and run the batch again`;
    return { kind: 'gate', message, errorClass: 'config' };
  }
  const refuses = ({ limit, booked, reserved, each }: Scope, isReserved: boolean) => {
    const before = booked + (isReserved ? reserved : 0);
    return before >= limit || before + each > limit;
  };
  const used = scopes.find((scope) => refuses(scope, false));
  if (used !== undefined) return refusal(used, nextDay);
  const taken = scopes.find((scope) => refuses(scope, true));
  if (taken !== undefined) {
    // A session that ran has used up its place in the number, whatever it cost.
    const room =
      taken.option === 'sessions'
        ? 'it starts when one of them turns out not to have begun'
        : 'it starts when sessions under way have left room';
    const message = `${account(taken)}: ${room}`;
    return { kind: 'wait', message, delayMs: ROOM_WAIT_MS };
  }
  return { kind: 'ok', micros, warnings: scopes.flatMap((scope) => warningOf(scope, limits)) };
}

/** In this order, so that a job over its own budget does not hold the others. */
function scopesOf(
  limits: BudgetLimits,
  { job, batch, counted, site, day }: BudgetStanding,
  micros: number,
): readonly Scope[] {
  const scope = (
    option: Scope['option'],
    subject: string,
    how: Pick<Scope, 'booked' | 'reserved' | 'each' | 'amount'>,
  ): Scope[] => {
    const limit = limits[option];
    return limit === undefined ? [] : [{ option, subject, limit, ...how }];
  };
  const money = ({ bookedMicros: booked, reservedMicros: reserved }: Spent) => ({
    ...{ booked, reserved, each: micros },
    amount: (value: number) => `${unitsOf(value)} ${limits.currency}`,
  });
  return [
    ...scope('perJob', 'the job', money(job)),
    ...scope('perBatch', 'the batch', money(batch)),
    ...(counted ? scope('sessions', 'the batch', sessionsIn(counted)) : []),
    ...(counted ? scope('tokens', 'the batch', tokensIn(counted)) : []),
    ...(site ? scope('perSite', `site ${site.name}, today,`, money(site)) : []),
    ...scope('perDay', 'all batches, today,', money(day)),
  ];
}

const sessionsIn = ({ endedSessions, openSessions }: Counted) => ({
  ...{ booked: endedSessions, reserved: openSessions, each: 1 },
  amount: (value: number) => `${value} ${value === 1 ? 'session' : 'sessions'}`,
});

/** Of a session under way nobody knows them: what it uses beyond the budget, it uses. */
const tokensIn = ({ tokens }: Counted) => ({
  ...{ booked: tokens, reserved: 0, each: 0 },
  amount: (value: number) => `${value} tokens`,
});

const isOfMoney = ({ option }: Scope): boolean => option !== 'sessions' && option !== 'tokens';

function refusal(scope: Scope, nextDay: string): BudgetDecision {
  const { option } = scope;
  const message = account(scope);
  if (option === 'perJob')
    return { kind: 'park', message: `${message}: raise budget.perJob, then retry the job` };
  if (option !== 'perDay' && option !== 'perSite') {
    const raise = `raise budget.${option}, then run it again`;
    return { kind: 'gate', message: `${message}: ${raise}`, errorClass: 'budget' };
  }
  const ofSite = option === 'perSite' && { ofSite: true };
  const why = `${usedUpUntil(option, nextDay)}: ${message}`;
  return { kind: 'gate', message: why, until: nextDay, ...ofSite, errorClass: 'budget' };
}

/** Why a job waits for the next day. The ledger keeps it of the job, and `usedUpUntilOf` finds the time in it. */
const usedUpUntil = (option: 'perDay' | 'perSite', nextDay: string): string =>
  `budget.${option} is used up until ${nextDay}, or until it is raised`;

const USED_UP_UNTIL = /^budget\.per(?:Day|Site) is used up until (\S+Z), or until it is raised\b/;

/** Begins what `usedUpUntilOf` knows, as a pattern of SQL. */
export const USED_UP_LIKE = 'budget.per% is used up until %Z, or until it is raised%';

/** When the budget of a day or a site has room again by itself, ISO 8601; undefined of a job that waits for anything else. */
export const usedUpUntilOf = ({
  state,
  error,
}: {
  readonly state: string;
  readonly error?: { readonly class: string; readonly message: string } | undefined;
}): string | undefined =>
  state === 'gated' && error?.class === 'budget' ? USED_UP_UNTIL.exec(error.message)?.[1] : undefined;

/** Says all of the sum that was too much. */
function account(scope: Scope): string {
  const { option, subject, limit, booked, reserved, each, amount } = scope;
  const parts = [
    `${subject} used ${amount(booked)}`,
    ...(isOfMoney(scope)
      ? [`${amount(reserved)} more is reserved`, `one more session may cost ${amount(each)}`]
      : []),
    ...(option === 'sessions' && reserved > 0 ? [`${reserved} more under way`] : []),
  ];
  return `${parts.join(', ')}, and budget.${option} is ${amount(limit)}`;
}

function warningOf(
  { option, subject, limit, booked, reserved, each, amount }: Scope,
  { warnAt }: BudgetLimits,
): string[] {
  const before = booked + reserved;
  const crossed = warnAt.filter((share) => before < share * limit && before + each >= share * limit);
  if (crossed.length === 0) return [];
  const share = Math.round(Math.max(...crossed) * 100);
  return [
    `${subject} used or reserved ${amount(before + each)}, ${share}% of budget.${option} or more (${amount(limit)})`,
  ];
}

/** Whether a warning is about a budget that other jobs share. */
export const isShared = (warning: string): boolean => !warning.includes('budget.perJob');

/** Exact, without needless zeros: `0.5`, `12`. */
const unitsOf = (micros: number): string => String(micros / MICROS);
