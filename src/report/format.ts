/** Times and counts as people read them. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../contract/units.js';

export { clockParts, clockTime, localTime, localTimesIn } from '../policy/wall-clock.js';

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
