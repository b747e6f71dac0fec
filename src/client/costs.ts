import { UsageError } from '../contract/errors.js';
import type { CostFilter, CostRow, Ledger } from '../ledger/ledger.js';
import { dayAfter, dayNamer, startOfDay } from '../policy/calendar-day.js';
import { costSession, type CostSession } from './cost-sessions.js';
import { CostTable, type CostDimension, type CostSlice } from './cost-slices.js';

export interface CostsRequest {
  /** Unless given: by work. */
  readonly by?: CostDimension;
  /** First and last day, such as `2026-11-23`; a session belongs to the day on which it was booked. */
  readonly since?: string;
  readonly until?: string;
  /** Whose midnight ends a day; that of this machine unless given. */
  readonly timeZone?: string;
  /** Whether each session is listed, too. */
  readonly sessions?: boolean;
}

export interface CostReport {
  readonly by: CostDimension;
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly timeZone: string;
  readonly slices: readonly CostSlice[];
  /** One for each currency: amounts of two are never added. */
  readonly totals: readonly CostSlice[];
  readonly days: readonly CostSlice[];
  /** Where they were asked for: each session once, in the order in which they began. */
  readonly sessions?: readonly CostSession[];
  /** Price tables that costs were reckoned with. */
  readonly prices: readonly { readonly id: string; readonly date: string }[];
}

/**
 * Adds up what sessions cost.
 * @throws UsageError when a day or the time zone is none
 */
export async function costReport(
  ledger: Pick<Ledger, 'costs'>,
  { by = 'work', since, until, timeZone = ownTimeZone(), sessions = false }: CostsRequest,
  batchId?: string,
): Promise<CostReport> {
  const dayName = namerFor(timeZone);
  const filter: CostFilter = {
    ...(since !== undefined && { since: startOfDay(assertDay(since), timeZone).toISOString() }),
    ...(until !== undefined && { until: startOfDay(dayAfter(assertDay(until)), timeZone).toISOString() }),
    ...(batchId !== undefined && { batchId }),
    ...(sessions && { ids: true }),
  };
  const slices = new CostTable(by, dayName);
  const totals = new CostTable('all', dayName);
  const days = new CostTable('day', dayName);
  const listed: CostSession[] = [];
  const prices = new Map<string, { readonly id: string; readonly date: string }>();
  await ledger.costs(filter, (rows: readonly CostRow[]) => {
    for (const row of rows) {
      for (const table of [slices, totals, days]) table.add(row);
      if (sessions) listed.push(costSession(row));
      const { priceTable } = row.usage;
      if (priceTable) prices.set(`${priceTable.id} ${priceTable.date}`, priceTable);
    }
  });
  return {
    by,
    since,
    until,
    timeZone,
    slices: slices.result(),
    totals: totals.result(),
    days: days.result(),
    ...(sessions && { sessions: listed.sort(byBegin) }),
    prices: [...prices.values()],
  };
}

const byBegin = (a: CostSession, b: CostSession): number =>
  a.openedAt < b.openedAt ? -1 : a.openedAt > b.openedAt ? 1 : a.attempt - b.attempt;

const ownTimeZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

function namerFor(timeZone: string): (at: Date) => string {
  try {
    return dayNamer(timeZone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`"${timeZone}" is no time zone; one is "Europe/Madrid"`);
  }
}

function assertDay(day: string): string {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? new Date(`${day}T00:00:00Z`) : new Date(NaN);
  if (!Number.isNaN(at.getTime()) && at.toISOString().startsWith(day)) return day;
  throw new UsageError(`"${day}" is no day; one is "2026-11-23"`);
}
