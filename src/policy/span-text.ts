const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** `15 s`, `40 min`, `26 h`. */
export function spanText(ms: number): string {
  if (ms < MINUTE) return `${Math.round(ms / 1000)} s`;
  return ms < 2 * HOUR ? `${Math.round(ms / MINUTE)} min` : `${Math.round(ms / HOUR)} h`;
}
