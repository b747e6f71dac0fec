/**
 * The server's wait hint in milliseconds: `retry-after-ms`, else `Retry-After` as seconds or HTTP date (RFC 9110,
 * section 10.2.3). Undefined where there is none that can be read.
 */
export function retryAfterMs(headers: Headers, now: Date = new Date()): number | undefined {
  const ms = wholeNumber(headers.get('retry-after-ms'));
  if (ms !== undefined) return ms;
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = wholeNumber(value);
  if (seconds !== undefined) return seconds * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}

const wholeNumber = (text: string | null): number | undefined =>
  text !== null && /^\s*\d{1,10}(\.\d+)?\s*$/.test(text) ? Math.round(Number(text)) : undefined;
