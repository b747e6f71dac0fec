import { limitResetMs, retryAfterMs } from '../../http/retry-after.js';
import { fieldsOf, textField } from './record.js';

/** Length of a `google.protobuf.Duration` in its JSON form, such as `7s` or `0.5s`. */
const DURATION = /^(\d{1,9}(?:\.\d{1,9})?)s$/;

/**
 * How long a service asks to wait, in milliseconds, the first of: `retry-after-ms`, `Retry-After` as seconds or
 * date, `RetryInfo.retryDelay` among the details of a Google error. A lower bound.
 */
export function waitHintMs(
  headers: unknown,
  details: readonly unknown[] = [],
  now = new Date(),
): number | undefined {
  const hint = headers instanceof Headers ? retryAfterMs(headers, now) : undefined;
  if (hint !== undefined) return hint;
  for (const detail of details) {
    if (!textField(detail, '@type')?.endsWith('google.rpc.RetryInfo')) continue;
    const seconds = DURATION.exec(String(fieldsOf(detail)['retryDelay']))?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1000);
  }
  return undefined;
}

/** The same of an answer that says that a limit was met, where the headers of limits count in the end. */
export const limitHintMs = (
  headers: unknown,
  details: readonly unknown[] = [],
  now = new Date(),
): number | undefined =>
  waitHintMs(headers, details, now) ?? (headers instanceof Headers ? limitResetMs(headers, now) : undefined);
