import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { DAY_MS } from '../contract/units.js';
import type { NewNight, NightRow } from '../ledger/ledger.js';
import { lastFires } from './fire-times.js';
import { editionOf, nightOf } from './nights.js';

/** What the engine and a busy worker may need. */
export const GRACE_MS = 10 * 60_000;
/** Nights are looked for this far back. */
const BACK_MS = 62 * DAY_MS;

type Rows = readonly Pick<NightRow, 'night'>[];
type Outcome = 'missed' | 'paused';

/**
 * Nights that were due and that nobody has said anything of.
 * @param rows     of this schedule, since `since`
 * @param outcome  what is to be said of those that can't come any more
 * @returns `late`: may still come · `gone`: can't, for they would be stale
 */
export function missedNights(
  schedule: ScheduleDefinition,
  rows: Rows,
  now: Date,
  outcome: Outcome = 'missed',
): { readonly late: readonly NewNight[]; readonly gone: readonly NewNight[] } {
  const { catchUpMs, staleMs } = schedule;
  const due = unsaidNights(schedule, rows, now, GRACE_MS, { outcome, why: WHY[outcome] });
  const lastChance = now.getTime() - Math.max(catchUpMs, staleMs) - GRACE_MS;
  const isGone = ({ dueAt }: NewNight) => outcome === 'paused' || Date.parse(dueAt) < lastChance;
  return { late: due.filter((night) => !isGone(night)), gone: due.filter(isGone) };
}

/**
 * What is to be said of nights before a schedule is paused, goes on, gets other times or is made anew, for afterwards
 * nobody could tell which of the two they were: all of a pause until now, which the engine has dropped, or those that
 * nobody has taken.
 */
export const nightsBefore = (
  schedule: ScheduleDefinition,
  rows: Rows,
  now: Date,
  outcome: Outcome,
): readonly NewNight[] =>
  outcome === 'paused'
    ? unsaidNights(schedule, rows, now, 0, { outcome, why: WHY.paused })
    : unsaidNights(schedule, rows, now, GRACE_MS, { outcome, why: NOT_TAKEN });

function unsaidNights(
  schedule: ScheduleDefinition,
  rows: Rows,
  now: Date,
  graceMs: number,
  said: Pick<NewNight, 'outcome' | 'why'>,
): readonly NewNight[] {
  const { name, timeZone, edition, since } = schedule;
  const from = new Date(Math.max(Date.parse(since), now.getTime() - BACK_MS));
  const known = new Set(rows.map(({ night }) => night));
  return lastFires(schedule, from, new Date(now.getTime() - graceMs))
    .map((at) => ({ at, night: nightOf(at, timeZone) }))
    .filter(({ night }) => !known.has(night))
    .map(({ at, night }) => ({
      schedule: name,
      night,
      dueAt: at.toISOString(),
      edition: editionOf(at, timeZone, edition),
      ...said,
      by: `schedule:${name}`,
      runId: '',
    }));
}

const WHY = {
  missed:
    'nobody took it in time: no worker ran, the engine was down for longer than the catch-up window, or the schedule was paused elsewhere',
  paused: 'the schedule was paused',
} as const;

const NOT_TAKEN =
  'nobody had taken it when the schedule was paused, got other times or was made anew: no worker ran, or the engine was down';
