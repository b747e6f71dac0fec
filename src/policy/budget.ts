import type { BatchFile } from '../contract/batch-file.js';
import { MICROS } from './money.js';

/** Amounts are whole micro-units of the currency: 0.01 USD is 10,000. */
export interface BudgetLimits {
  readonly currency: string;
  readonly perSession?: number;
  readonly perJob?: number;
  readonly perBatch?: number;
  readonly perDay?: number;
  readonly perSite?: number;
  /** Shares of a budget, from 0 to 1, whose crossing is told. */
  readonly warnAt: readonly number[];
  /** IANA name of the zone whose midnight ends a day. */
  readonly timeZone: string;
}

/** What sessions that are over have cost, and what is set aside for those that are not. */
export interface Spent {
  readonly bookedMicros: number;
  readonly reservedMicros: number;
}

/** All that the decision rests on, read in the transaction that would reserve. */
export interface BudgetStanding {
  readonly job: Spent;
  readonly batch: Spent;
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
    currency: spec.currency,
    warnAt: spec.warnAt,
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

interface Scope {
  readonly option: 'perJob' | 'perBatch' | 'perSite' | 'perDay';
  readonly subject: string;
  readonly limit: number;
  readonly spent: Spent;
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
  const [other] = standing.otherCurrencies;
  if (other !== undefined) {
    const message = `the budget is in ${limits.currency}, but sessions were booked in ${other}, and the two can't be added: put the budget in ${other}, and run the batch again`;
    return { kind: 'gate', message, errorClass: 'config' };
  }
  const micros = reservationMicros(limits, standing.seenMicros, capMicros);
  const scopes = scopesOf(limits, standing);
  const refuses = ({ limit, spent: { bookedMicros: used, reservedMicros } }: Scope, reserved: boolean) => {
    const before = used + (reserved ? reservedMicros : 0);
    return before >= limit || before + micros > limit;
  };
  const used = scopes.find((scope) => refuses(scope, false));
  if (used !== undefined) return refusal(used, micros, limits.currency, nextDay);
  const taken = scopes.find((scope) => refuses(scope, true));
  if (taken !== undefined) {
    const message = `${account(taken, micros, limits.currency)}: it starts when sessions under way have left room`;
    return { kind: 'wait', message, delayMs: ROOM_WAIT_MS };
  }
  return { kind: 'ok', micros, warnings: scopes.flatMap((scope) => warningOf(scope, micros, limits)) };
}

/** In this order, so that a job over its own budget does not hold the others. */
function scopesOf(limits: BudgetLimits, { job, batch, site, day }: BudgetStanding): readonly Scope[] {
  const scope = (option: Scope['option'], subject: string, spent: Spent | undefined): Scope[] => {
    const limit = limits[option];
    return limit === undefined || spent === undefined ? [] : [{ option, subject, limit, spent }];
  };
  return [
    ...scope('perJob', 'the job', job),
    ...scope('perBatch', 'the batch', batch),
    ...scope('perSite', `site ${site?.name ?? ''}, today,`, site),
    ...scope('perDay', 'all batches, today,', day),
  ];
}

function refusal(scope: Scope, micros: number, currency: string, nextDay: string): BudgetDecision {
  const message = account(scope, micros, currency);
  const raise = `raise budget.${scope.option}`;
  if (scope.option === 'perJob') {
    return { kind: 'park', message: `${message}: ${raise}, then retry the job` };
  }
  if (scope.option === 'perBatch')
    return { kind: 'gate', message: `${message}: ${raise}, then run it again`, errorClass: 'budget' };
  const until = `budget.${scope.option} is used up until ${nextDay}, or until it is raised`;
  const ofSite = scope.option === 'perSite' && { ofSite: true };
  return { kind: 'gate', message: `${until}: ${message}`, until: nextDay, ...ofSite, errorClass: 'budget' };
}

/** Says all of the sum that was too much. */
function account({ option, subject, limit, spent }: Scope, micros: number, currency: string): string {
  const amount = (value: number) => `${unitsOf(value)} ${currency}`;
  const { bookedMicros, reservedMicros } = spent;
  return (
    `${subject} used ${amount(bookedMicros)}, ${amount(reservedMicros)} more is reserved, one more session may cost ` +
    `${amount(micros)}, and budget.${option} is ${amount(limit)}`
  );
}

function warningOf({ option, subject, limit, spent }: Scope, micros: number, limits: BudgetLimits): string[] {
  const before = spent.bookedMicros + spent.reservedMicros;
  const crossed = limits.warnAt.filter((share) => before < share * limit && before + micros >= share * limit);
  if (crossed.length === 0) return [];
  const share = Math.round(Math.max(...crossed) * 100);
  const { currency } = limits;
  return [
    `${subject} used or reserved ${unitsOf(before + micros)} ${currency}, ${share}% of budget.${option} or more (${unitsOf(limit)} ${currency})`,
  ];
}

/** Whether a warning is about a budget that other jobs share. */
export const isShared = (warning: string): boolean => !warning.includes('budget.perJob');

/** Exact, without needless zeros: `0.5`, `12`. */
const unitsOf = (micros: number): string => String(micros / MICROS);
