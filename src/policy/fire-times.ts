import { Cron } from 'croner';
import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { nightOf, wallOf, type Wall } from './nights.js';

/**
 * When a schedule is due.
 *  F1. A local time that a clock skips is due at the moment after the jump; one that it shows twice is due once.
 *  F2. The engine is told the same, but knows only local calendars: `skippedTimes` gives it the days of F1.
 */
export type Due = Pick<ScheduleDefinition, 'crons' | 'timeZone'>;

/** Far more than anybody wants to see at once. */
const FIRES_MAX = 10_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Instants in `[from, to]`, in order, one for each local time; of too many, the first. */
export const fireTimes = (due: Due, from: Date, to: Date): Date[] =>
  oncePerNight(instantsIn(due, from, to), due.timeZone);

function instantsIn({ crons, timeZone }: Due, from: Date, to: Date): Date[] {
  const instants = new Set<number>();
  for (const cron of crons) {
    const pattern = patternOf(cron, timeZone);
    // Steps forward from just before `from`: croner answers what comes after a moment.
    for (
      let at = pattern.nextRun(new Date(from.getTime() - 1000));
      at && at <= to;
      at = pattern.nextRun(at)
    ) {
      if (at >= from) instants.add(at.getTime());
      if (instants.size >= FIRES_MAX) break;
    }
  }
  return [...instants].sort((a, b) => a - b).map((ms) => new Date(ms));
}

/** As `fireTimes`; of too many, the last. */
export function lastFires(due: Due, from: Date, to: Date): Date[] {
  let found: Date[] = [];
  for (let end = to.getTime(); end >= from.getTime() && found.length < FIRES_MAX;) {
    const start = Math.max(from.getTime(), end - DAY_MS); // a day has not so many minutes
    found = [...instantsIn(due, new Date(start), new Date(end)), ...found];
    end = start - 1;
  }
  return oncePerNight(found, due.timeZone).slice(-FIRES_MAX);
}

function oncePerNight(inOrder: readonly Date[], timeZone: string): Date[] {
  const nights = new Set<string>();
  return inOrder.filter((at) => {
    const night = nightOf(at, timeZone);
    return !nights.has(night) && nights.add(night);
  });
}

/** The last time that it was due, at `at` or before. Undefined when it was not within the last five years. */
export function lastFire(due: Due, at: Date): Date | undefined {
  for (let days = 2; days < 5 * 366; days *= 4) {
    const last = fireTimes(due, new Date(at.getTime() - days * DAY_MS), at).at(-1);
    if (last) return last;
  }
  return undefined;
}

/** The next time that it is due, after `at`. */
export function nextFire({ crons, timeZone }: Due, at: Date): Date | undefined {
  const times = crons.flatMap((cron) => patternOf(cron, timeZone).nextRun(at) ?? []);
  return times.sort((a, b) => a.getTime() - b.getTime())[0];
}

/** Local times, on days when clocks jump forward, at which the schedule is due and which its calendars may not name. */
export function skippedTimes(due: Due, from: Date, years: number): Wall[] {
  return jumpsForward(due.timeZone, from, years).flatMap((jump) =>
    fireTimes(due, jump, new Date(jump.getTime() + HOUR_MS - 1)).map((at) => wallOf(at, due.timeZone)),
  );
}

/** Instants from which on a time zone's clock shows a later time, in the years to come. */
function jumpsForward(timeZone: string, from: Date, years: number): Date[] {
  const jumps: Date[] = [];
  const end = from.getTime() + years * 366 * DAY_MS;
  let before = offsetOf(from.getTime(), timeZone);
  for (let at = from.getTime() + DAY_MS; at < end; at += DAY_MS) {
    const offset = offsetOf(at, timeZone);
    if (offset > before) jumps.push(momentOfChange(at - DAY_MS, at, timeZone));
    before = offset;
  }
  return jumps;
}

/** To the minute, which is what changes of clocks are kept to. */
function momentOfChange(low: number, high: number, timeZone: string): Date {
  const before = offsetOf(low, timeZone);
  let [same, changed] = [low, high];
  while (changed - same > 1000) {
    const middle = Math.floor((same + changed) / 2);
    if (offsetOf(middle, timeZone) === before) same = middle;
    else changed = middle;
  }
  return new Date(Math.round(changed / 60_000) * 60_000);
}

/** Minutes that a time zone is ahead of UTC. */
function offsetOf(ms: number, timeZone: string): number {
  const { year, month, day, hour, minute } = wallOf(new Date(ms), timeZone);
  return Date.UTC(year, month - 1, day, hour, minute) / 60_000 - Math.floor(ms / 60_000);
}

const patternOf = (cron: string, timeZone: string): Cron =>
  new Cron(cron, { timezone: timeZone, paused: true, mode: '5-part', domAndDow: true });
