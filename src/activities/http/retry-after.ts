/**
 * The server's wait hint in milliseconds: `retry-after-ms`, else `Retry-After` as seconds or HTTP date (RFC 9110,
 * section 10.2.3). Undefined where there is none that can be read.
 * @param now of this host; a time of the server is compared with its own, where it says that
 */
export function retryAfterMs(headers: Headers, now: Date = new Date()): number | undefined {
  const ms = numberIn(headers.get('retry-after-ms'));
  if (ms !== undefined) return ms;
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = numberIn(value);
  if (seconds !== undefined) return seconds * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - serverTimeMs(headers, now));
}

/** Such as `ratelimit-reset`, `x-ratelimit-reset` and `anthropic-ratelimit-input-tokens-reset`. */
const RESET = /^(?:[a-z-]+-)?ratelimit(?:-[a-z-]+)?-reset$/;

/** Numbers from here on are no seconds from now, but since 1970. */
const EPOCH_SECONDS_MIN = 1e9;
const EPOCH_MS_MIN = 1e12;

/**
 * When the limit that a refused request has met is filled up again, in milliseconds from now: the latest of the reset
 * headers, but for those of limits that have some left. There is no standard for them; seen are seconds from now, seconds
 * since 1970, and dates. Undefined where none lies ahead. For a 429 without another hint: on any other answer they say
 * nothing of it.
 */
export function limitResetMs(headers: Headers, now: Date = new Date()): number | undefined {
  const serverMs = serverTimeMs(headers, now);
  const waits = [...headers].map(([name, value]) => {
    if (!RESET.test(name)) return 0;
    const left = numberIn(headers.get(name.replace(/reset$/, 'remaining')));
    return left !== undefined && left > 0 ? 0 : untilMs(value, serverMs);
  });
  const longest = Math.max(0, ...waits);
  return longest > 0 ? longest : undefined;
}

function untilMs(value: string, serverMs: number): number {
  const number = numberIn(value, 13);
  if (number !== undefined && number < EPOCH_SECONDS_MIN) return number * 1000;
  const at = number === undefined ? Date.parse(value) : number < EPOCH_MS_MIN ? number * 1000 : number;
  return Number.isNaN(at) ? 0 : at - serverMs;
}

function serverTimeMs(headers: Headers, now: Date): number {
  const said = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(said) ? now.getTime() : said;
}

const numberIn = (text: string | null, digitsMax = 10): number | undefined =>
  text !== null && new RegExp(`^\\s*\\d{1,${digitsMax}}(\\.\\d+)?\\s*$`).test(text)
    ? Math.round(Number(text))
    : undefined;
