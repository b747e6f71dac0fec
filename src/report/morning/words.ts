import { shortenedTo } from '../../batch/shown.js';
import { dateFormat } from '../../policy/date-format.js';
import { moneyOfMicros } from '../../policy/money.js';

export const amount = moneyOfMicros;

/** An amount that is nothing only because nobody told it is said to be unknown. */
export const amountTold = ({
  costMicros,
  currency,
  unknown,
}: {
  readonly costMicros: number;
  readonly currency: string;
  readonly unknown: number;
}): string => (costMicros === 0 && unknown > 0 ? 'unknown' : amount(costMicros, currency));

/** `4.2%`, `17%`; `0%` and `100%` only where it is exactly that. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0%';
  if (part === whole) return '100%';
  const share = (part / whole) * 100;
  return `${share < 0.1 ? '<0.1' : share > 99.9 ? '>99.9' : share.toFixed(share < 10 ? 1 : 0).replace(/\.0$/, '')}%`;
}

/** `12,345`. */
export const number = (value: number): string => value.toLocaleString('en-GB');

const parts = (at: Date, timeZone: string, options: Intl.DateTimeFormatOptions): string =>
  dateFormat({ timeZone, ...options }).format(at);

/** `Monday 23 November 2026`. */
export const dayLong = (iso: string, timeZone: string): string =>
  // Piece by piece: where the commas go is another matter in each release of Node.
  ([{ weekday: 'long' }, { day: 'numeric' }, { month: 'long' }, { year: 'numeric' }] as const)
    .map((piece) => parts(new Date(iso), timeZone, piece))
    .join(' ');

/** `23 Nov`. */
export const dayShort = (iso: string, timeZone: string): string =>
  parts(new Date(iso), timeZone, { day: 'numeric', month: 'short' });

/** `04:03`, or `04:03:26`. */
export const clock = (iso: string, timeZone: string, seconds = false): string =>
  parts(new Date(iso), timeZone, {
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds && { second: '2-digit' }),
  });

/** `CET`. */
export const zoneOf = (iso: string, timeZone: string): string =>
  dateFormat({ timeZone, timeZoneName: 'short' })
    .formatToParts(new Date(iso))
    .find(({ type }) => type === 'timeZoneName')?.value ?? timeZone;

/** `Monday 23 November 2026, 23:10 CET to Tuesday 24 November 2026, 04:02 CET`; a day, and a zone, are said once. */
export function spanOfTime(from: string, to: string | undefined, timeZone: string): string {
  const day = dayLong(from, timeZone);
  const zone = zoneOf(from, timeZone);
  if (to === undefined) return `${day}, from ${clock(from, timeZone)} ${zone}`;
  const dayAfter = dayLong(to, timeZone);
  const zoneAfter = zoneOf(to, timeZone);
  const start = `${day}, ${clock(from, timeZone)}${zone === zoneAfter ? '' : ` ${zone}`}`;
  return `${start} to ${day === dayAfter ? '' : `${dayAfter}, `}${clock(to, timeZone)} ${zoneAfter}`;
}

const TEXT_MAX = 300;

/** What others said, as far as anybody reads it. */
export const cut = (text: string): string => shortenedTo(text, TEXT_MAX);
