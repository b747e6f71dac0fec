import type { Overlap, ScheduleDefinition } from '../contract/schedules-file.js';
import { fireTimes } from './fire-times.js';
import { GRACE_MS } from './missed-nights.js';
import { editionOf, nightOf } from './nights.js';

/** Nights that begin of those that an outage has brought together: with `queue` one runs and one waits. */
const BEGIN_MOST: Readonly<Record<Overlap, number>> = { skip: 1, attach: 1, 'cancel-older': 1, queue: 2 };

/**
 * The engine hands on all nights of an outage at once and in no order, so each sees by itself whether newer ones are due
 * instead of it.
 * @returns the newest night, where this one leaves its place to newer ones
 */
export function newestInstead(
  schedule: Pick<ScheduleDefinition, 'crons' | 'timeZone' | 'edition' | 'since'>,
  night: { readonly dueAt: string; readonly edition: string },
  rule: Overlap,
  now: Date,
): string | undefined {
  const due = Date.parse(night.dueAt);
  if (now.getTime() - due <= GRACE_MS) return undefined;
  const { timeZone, edition, since } = schedule;
  const from = new Date(Math.max(due + 1000, Date.parse(since)));
  const newer = fireTimes(schedule, from, now).filter(
    (at) => editionOf(at, timeZone, edition) !== night.edition,
  );
  const newest = newer.at(-1);
  const editions = new Set(newer.map((at) => editionOf(at, timeZone, edition)));
  return newest && editions.size >= BEGIN_MOST[rule] ? nightOf(newest, timeZone) : undefined;
}
