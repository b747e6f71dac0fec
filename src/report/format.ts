/** Times and counts as people read them. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../contract/units.js';

/** `2 jobs`, `1 job`. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

/** Of what one line names; the others are counted. */
const NAMED_MAX = 5;

/** `one, two, three, four, five and 4 more`. */
export function firstOf(names: readonly string[]): string {
  const more = names.length - NAMED_MAX;
  return `${names.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** `12 s`, `3 min 5 s`, `2 h 10 min`, `1 d 4 h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < MINUTE_MS) return `${Math.floor(whole / SECOND_MS)} s`;
  if (whole < HOUR_MS) return pair(whole, MINUTE_MS, 'min', SECOND_MS, 's');
  if (whole < DAY_MS) return pair(whole, HOUR_MS, 'h', MINUTE_MS, 'min');
  return pair(whole, DAY_MS, 'd', HOUR_MS, 'h');
}

function pair(ms: number, bigMs: number, big: string, smallMs: number, small: string): string {
  const rest = Math.floor((ms % bigMs) / smallMs);
  return `${Math.floor(ms / bigMs)} ${big}${rest > 0 ? ` ${rest} ${small}` : ''}`;
}

/** `2026-11-23 04:03:26 CET`: the zone of this machine unless another is given. Text that is no time stays as it is. */
export function localTime(iso: string, timeZone?: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const part = clockParts(at, timeZone);
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}:${part('second')} ${part('timeZoneName')}`;
}

/** Text whose times are said by the clock on the wall. */
export const localTimesIn = (text: string, timeZone?: string): string =>
  text.replace(UTC_TIME, (iso) => localTime(iso, timeZone));

const UTC_TIME = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/** `04:03:26`, for lines of a log that is read the same day. */
export function clockTime(ms: number, timeZone?: string): string {
  const part = clockParts(new Date(ms), timeZone);
  return `${part('hour')}:${part('minute')}:${part('second')}`;
}

/** What a clock shows, part by part, as two or four digits. */
export function clockParts(
  at: Date,
  timeZone: string | undefined,
): (type: Intl.DateTimeFormatPartTypes) => string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
    ...(timeZone !== undefined && { timeZone }),
  }).formatToParts(at);
  return (type) => parts.find((part) => part.type === type)?.value ?? '';
}
