import type { ScheduleDefinition } from '../contract/schedules-file.js';
import type { NewNight, NightRow } from '../ledger/ledger.js';
import { lastFires } from './fire-times.js';
import { editionOf, nightOf } from './nights.js';

const DAY_MS = 24 * 3_600_000;
/** What the engine and a busy worker may need. */
const GRACE_MS = 10 * 60_000;
/** Nights are looked for this far back. */
const BACK_MS = 62 * DAY_MS;

/**
 * Nights that were due and that nobody has said anything of.
 * @param rows     of this schedule, since `since`
 * @param outcome  what is to be said of those that can't come any more
 * @returns `late`: may still come · `gone`: can't, for they would be stale
 */
export function missedNights(
  schedule: ScheduleDefinition,
  rows: readonly Pick<NightRow, 'night'>[],
  now: Date,
  outcome: 'missed' | 'paused' = 'missed',
): { readonly late: readonly NewNight[]; readonly gone: readonly NewNight[] } {
  const { name, timeZone, edition, since, catchUpMs, staleMs } = schedule;
  const from = new Date(Math.max(Date.parse(since), now.getTime() - BACK_MS));
  const known = new Set(rows.map(({ night }) => night));
  const due = lastFires(schedule, from, new Date(now.getTime() - GRACE_MS))
    .map((at) => ({ at, night: nightOf(at, timeZone) }))
    .filter(({ night }) => !known.has(night))
    .map(({ at, night }): NewNight => ({
      schedule: name,
      night,
      dueAt: at.toISOString(),
      edition: editionOf(at, timeZone, edition),
      outcome,
      why: WHY[outcome],
      by: `schedule:${name}`,
      runId: '',
    }));
  const lastChance = now.getTime() - Math.max(catchUpMs, staleMs) - GRACE_MS;
  const isGone = ({ dueAt }: NewNight) => outcome === 'paused' || Date.parse(dueAt) < lastChance;
  return { late: due.filter((night) => !isGone(night)), gone: due.filter(isGone) };
}

const WHY = {
  missed:
    'nobody took it in time: no worker ran, the engine was down for longer than the catch-up window, or the schedule was paused elsewhere',
  paused: 'the schedule was paused',
} as const;
