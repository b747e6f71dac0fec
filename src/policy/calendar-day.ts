import { DAY_MS } from '../contract/units.js';

/** Longer than any day, also one of 25 hours. */
const SEARCH_MS = 27 * 3_600_000;

/** Names the days of a time zone. @throws RangeError when there is no such zone */
export function dayNamer(timeZone: string): (at: Date) => string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  return (at) => {
    const parts = format.formatToParts(at);
    const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
    return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
  };
}

/** The instant at which a day named `2026-11-23` begins in a time zone. */
export function startOfDay(name: string, timeZone: string): Date {
  const nameOf = dayNamer(timeZone);
  const utc = Date.parse(`${name}T00:00:00Z`);
  return new Date(firstWhere(utc - SEARCH_MS, utc + SEARCH_MS, (ms) => nameOf(new Date(ms)) >= name));
}

/** The day after one named `2026-11-23`. */
export const dayAfter = (name: string): string =>
  new Date(Date.parse(`${name}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);

/** First whole millisecond after `below` for which `holds`, which stays true from then on. */
function firstWhere(below: number, above: number, holds: (ms: number) => boolean): number {
  let no = below;
  let yes = above;
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}
