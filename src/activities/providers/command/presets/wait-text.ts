import { DAY_MS } from '../../../../contract/units.js';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const PART = String.raw`\d{1,9}(?:\.\d{1,9})?\s*(?:milliseconds?|msecs?|ms|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\b`;
const PARTS = String.raw`(?:${PART}|\d{1,9}(?:\.\d{1,9})?[dhms](?=\d))(?:(?:,\s*|\s+and\s+|\s*)(?:${PART}|\d{1,9}(?:\.\d{1,9})?[dhms](?=\d))){0,4}`;
/** `resets in 2h39m`, `try again in 3 days 4 hours`, `Please retry in 12.5s`, `will reset after 1h2m3s`. */
const SPAN = new RegExp(
  String.raw`(?:resets?|again|retry|wait|available)\s+(?:in|after|for)?\s*(${PARTS})`,
  'i',
);
const ONE = /(\d+(?:\.\d+)?)\s*(ms|millis|d|h|m|s)/gi;
/** `usage limit reached|1764000000`: seconds since 1970. */
const EPOCH = /\|(\d{10})\b/;
/** `resets 3pm (Europe/Berlin)`, `resets 11:30am (UTC)`. */
const CLOCK = /resets?\s+(?:at\s+)?(\d{1,2})(?::(\d{2}))?\s*([ap]m)\s*\(([A-Za-z_+\-/0-9]{1,40})\)/i;

/**
 * How long a message asks to wait, in milliseconds; undefined where it does not say. A lower bound.
 * Only for programs: services say it in headers.
 */
export function waitTextMs(text: string, now: Date): number | undefined {
  const span = SPAN.exec(text)?.[1];
  if (span !== undefined) return spanMs(span);
  const epoch = EPOCH.exec(text)?.[1];
  if (epoch !== undefined) return Math.max(0, Number(epoch) * 1000 - now.getTime());
  const clock = CLOCK.exec(text);
  return clock ? untilClockMs(clock, now) : undefined;
}

function spanMs(span: string): number {
  let ms = 0;
  for (const [, amount, unit = 's'] of span.matchAll(ONE)) {
    const short = unit.toLowerCase() === 'millis' ? 'ms' : unit.toLowerCase();
    ms += Number(amount) * (UNITS_MS[short] ?? 0);
  }
  return Math.ceil(ms);
}

function untilClockMs(
  [, hour, minute = '0', half, timeZone]: RegExpExecArray,
  now: Date,
): number | undefined {
  const wanted = ((Number(hour) % 12) + (half?.toLowerCase() === 'pm' ? 12 : 0)) * 60 + Number(minute);
  let shown;
  try {
    shown = new Intl.DateTimeFormat('en-GB', {
      ...(timeZone !== undefined && { timeZone }),
      hourCycle: 'h23',
      hour: 'numeric',
      minute: 'numeric',
    }).formatToParts(now);
  } catch {
    return undefined; // no zone that is known here
  }
  const part = (type: string) => Number(shown.find((one) => one.type === type)?.value ?? 0);
  const ms = (wanted - (part('hour') * 60 + part('minute'))) * 60_000;
  return ms <= 0 ? ms + DAY_MS : ms;
}
