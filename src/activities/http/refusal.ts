import { AdapterError, type ErrorClass } from '../../contract/errors.js';
import { limitResetMs, retryAfterMs } from './retry-after.js';
import { placeOf, type HttpAnswer, type HttpRequest } from './request.js';

/** A wait longer than this is no throttling any more: the quota is used up until then. */
const THROTTLED_MAX_MS = 15 * 60 * 1000;

/** The server says of itself that it is in trouble; a 501 says that it never does such things. */
export const isServerFault = (status: number): boolean => status >= 500 && status !== 501;

/**
 * What an answer outside 2xx means, where the service has no words of its own for it.
 * @param said the service's own message, cut and cleaned by the caller; shown to people
 */
export function refusal(
  { status, headers }: HttpAnswer,
  { method, url }: Pick<HttpRequest, 'method' | 'url'>,
  said = '',
): AdapterError {
  const hint = retryAfterMs(headers) ?? (status === 429 ? limitResetMs(headers) : undefined);
  const text = said === '' ? '' : `: ${said}`;
  const place = `${method} ${placeOf(url)}`;
  const error = (
    errorClass: ErrorClass,
    sent: 'rejected' | 'maybe',
    message = `${place} was answered ${status}${text}`,
  ) =>
    new AdapterError(errorClass, message, {
      sent,
      code: String(status),
      ...(isServerFault(status) && { serverFault: true }),
      ...(hint !== undefined && { retryAfterMs: hint }),
    });

  if (status >= 300 && status < 400) {
    const to = headers.get('location');
    const where = to === null ? 'elsewhere' : `to ${placeOf(new URL(to, url).href)}`;
    return error(
      'config',
      'rejected',
      `${place} redirects ${where} (${status}); name the final URL in the batch file`,
    );
  }
  if (status === 401 || status === 403) return error('auth', 'rejected');
  if (status === 402) return error('exhausted', 'rejected');
  if (status === 429)
    return error(hint !== undefined && hint > THROTTLED_MAX_MS ? 'exhausted' : 'throttled', 'rejected');
  if (status === 408 || status === 409 || status === 425) return error('transient', 'maybe');
  if (status >= 400 && status < 500) return error('invalid', 'rejected');
  // A 5xx may come after the change was committed.
  const safe = method === 'GET' || method === 'HEAD';
  return error(safe ? 'transient' : 'unknown', 'maybe');
}
