import { Cron } from 'croner';
import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../contract/units.js';
import { nightOf, wallOf, type Wall } from './nights.js';

/**
 * When a schedule is due.
 *  F1. A local time that a clock skips is due at the moment after the jump; one that it shows twice is due once.
 *  F2. The engine is told the same, but knows only local calendars, which go wrong where clocks change:
 *      `clockChangeTimes` gives it the times of F1.
 */
export type Due = Pick<ScheduleDefinition, 'crons' | 'timeZone'>;

/** Every day at a local time such as `02:30`. */
export function dailyAt(timeOfDay: string, timeZone: string): Due {
  const [hour, minute] = timeOfDay.split(':').map(Number);
  return { crons: [`${minute} ${hour} * * *`], timeZone };
}

/** Far more than anybody wants to see at once. */
const FIRES_MAX = 10_000;

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

/** What a schedule is due at where a clock changes, and what the engine's calendars would add there of their own. */
export interface ClockChangeTimes {
  readonly due: readonly Date[];
  /** Local times at which it is not due. */
  readonly never: readonly WallHour[];
}

/** Some minutes of a local hour. */
export type WallHour = Omit<Wall, 'minute'> & { readonly minutes: readonly number[] };

/**
 * Where the engine's calendars can't be trusted: the hour after a jump, and from the first of the local times that come
 * twice until an hour after the last. They leave out a time that a clock skips, or move it where the jump is half an
 * hour (temporalio/temporal#8205). Of a time that comes twice they take the first, the second or both, as the zone will
 * have it; after the second, and before a whole hour that comes twice, they count an hour too many.
 * Source: `next` in service/worker/scheduler/calendar.go of temporalio/temporal, and Go's `time.Date`.
 */
export function clockChangeTimes(due: Due, from: Date, years: number): ClockChangeTimes {
  const spans = clockChanges(due.timeZone, from, years).map(({ at, minutes }) => {
    const backMs = Math.max(0, -minutes) * MINUTE_MS;
    return [new Date(at.getTime() - backMs), new Date(at.getTime() + backMs + HOUR_MS - 1)] as const;
  });
  return {
    due: spans.flatMap((span) => fireTimes(due, ...span)),
    never: spans.flatMap((span) => notDue(due, ...span)),
  };
}

function notDue(due: Due, from: Date, to: Date): WallHour[] {
  const mayGoWrong = fireTimes(due, new Date(from.getTime() - HOUR_MS), to).length > 0;
  if (!mayGoWrong) return [];
  const nights = new Set(fireTimes(due, from, to).map((at) => nightOf(at, due.timeZone)));
  const hours = new Map<string, WallHour & { readonly minutes: number[] }>();
  const seen = new Set<string>();
  for (let ms = from.getTime(); ms <= to.getTime(); ms += MINUTE_MS) {
    const at = new Date(ms);
    const night = nightOf(at, due.timeZone);
    if (nights.has(night) || seen.has(night)) continue;
    seen.add(night);
    const { minute, ...hour } = wallOf(at, due.timeZone);
    const key = night.slice(0, -3);
    const known = hours.get(key);
    if (known) known.minutes.push(minute);
    else hours.set(key, { ...hour, minutes: [minute] });
  }
  return [...hours.values()];
}

/** From `at` on, a time zone's clock shows so many minutes more than before, or less. */
interface ClockChange {
  readonly at: Date;
  readonly minutes: number;
}

function clockChanges(timeZone: string, from: Date, years: number): ClockChange[] {
  const changes: ClockChange[] = [];
  const end = from.getTime() + years * 366 * DAY_MS;
  let before = offsetOf(from.getTime(), timeZone);
  for (let ms = from.getTime() + DAY_MS; ms < end; ms += DAY_MS) {
    const offset = offsetOf(ms, timeZone);
    if (offset !== before) {
      changes.push({ at: momentOfChange(ms - DAY_MS, ms, timeZone), minutes: offset - before });
    }
    before = offset;
  }
  return changes;
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
  return new Date(Math.round(changed / MINUTE_MS) * MINUTE_MS);
}

/** Minutes that a time zone is ahead of UTC. */
function offsetOf(ms: number, timeZone: string): number {
  const { year, month, day, hour, minute } = wallOf(new Date(ms), timeZone);
  return Date.UTC(year, month - 1, day, hour, minute) / MINUTE_MS - Math.floor(ms / MINUTE_MS);
}

const patternOf = (cron: string, timeZone: string): Cron =>
  new Cron(cron, { timezone: timeZone, paused: true, mode: '5-part', domAndDow: true });
