import type { DeadlineSpec } from '../contract/deadline.js';
import { DAY_MS, HOUR_MS } from '../contract/units.js';
import type { BudgetLimits } from './budget.js';
import { deadlineOf } from './deadline.js';
import { dailyAt, fireTimes } from './fire-times.js';

/** One day of a budget, as instants: `from` belongs to it, `until` is the first moment after it. */
export interface BudgetDay {
  readonly from: Date;
  readonly until: Date;
}

type Ends = Pick<BudgetLimits, 'timeZone' | 'dayEndsAt'>;

/**
 * The day that an instant belongs to, from one time that the budget names to the next. Where clocks change, that time
 * comes as schedules have it: one that is skipped at the moment after the jump, one that is shown twice once.
 */
export function budgetDay(at: Date, { timeZone, dayEndsAt }: Ends): BudgetDay {
  const around = [new Date(at.getTime() - 2 * DAY_MS), new Date(at.getTime() + 2 * DAY_MS)] as const;
  const ends = fireTimes(dailyAt(dayEndsAt, timeZone), ...around);
  const from = ends.findLast((end) => end <= at);
  const until = ends.find((end) => end > at);
  if (from === undefined || until === undefined) throw new Error(`no ${dayEndsAt} comes in ${timeZone}`);
  return { from, until };
}

/** A day that ends so long before a deadline, or longer, ends before the night begins. */
const NIGHT_MS = 12 * HOUR_MS;

/**
 * What should be known of a budget of a day that ends while a run is meant to go on: what is left then may spend
 * another one.
 */
export function dayEndsInTheNight(
  limits: BudgetLimits,
  deadline: DeadlineSpec | undefined,
  now: Date,
): string | undefined {
  const option = (['perDay', 'perSite'] as const).find((name) => limits[name] !== undefined);
  if (option === undefined || deadline === undefined) return undefined;
  const { at } = deadlineOf(deadline, now, limits.timeZone);
  const { from: end } = budgetDay(new Date(at.getTime() - 1), limits);
  if (end <= now || at.getTime() - end.getTime() >= NIGHT_MS) return undefined;
  return (
    `budget.${option}: a day ends at ${limits.dayEndsAt} ${limits.timeZone}: what is left of a run begun before that may ` +
    'spend another day’s money; dayEndsAt: "12:00", or when nothing else runs, makes a night one day'
  );
}
