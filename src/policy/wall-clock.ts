import { dateFormat } from './date-format.js';

/** Times by the clock on the wall. Only shown, never decided upon: a zone is that of the process unless one is given. */

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
  const parts = dateFormat({
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
    ...(timeZone !== undefined && { timeZone }),
  }).formatToParts(at);
  return (type) => parts.find((part) => part.type === type)?.value ?? '';
}
