import { HOUR_MS, MINUTE_MS } from '../contract/units.js';

/** `15 s`, `40 min`, `26 h`. */
export function spanText(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.round(ms / 1000)} s`;
  return ms < 2 * HOUR_MS ? `${Math.round(ms / MINUTE_MS)} min` : `${Math.round(ms / HOUR_MS)} h`;
}
