import type { ErrorClass } from '../../../contract/errors.js';
import { MINUTE_MS } from '../../../contract/units.js';
import { msToMidnight } from '../managed/midnight.js';
import { fieldsOf } from '../managed/record.js';
import { byStatus } from '../managed/judge.js';
import type { JudgeOptions, Meanings, Ruling } from '../managed/ruling.js';
import { limitHintMs, waitHintMs } from '../managed/wait-hint.js';
import type { GeminiFault } from './error-body.js';

/** The spend limit is over a rolling window of that length. Source: ai.google.dev/gemini-api/docs/rate-limits */
const SPEND_WINDOW_MS = 10 * MINUTE_MS;
/** An empty balance is for the operator; it was reported wrongly before, so it is looked at again. */
const BALANCE_PROBE_MS = 60 * MINUTE_MS;
/** Daily quotas begin anew at midnight there. Source: ai.google.dev/gemini-api/docs/rate-limits */
const QUOTA_ZONE = 'America/Los_Angeles';

/**
 * Codes of ai.google.dev/gemini-api/docs/api-errors, and those of google.rpc.Code in lower case. Codes that mean a
 * limit are not here: they need a closer look.
 */
const CLASSES: Readonly<Record<string, ErrorClass>> = {
  invalid_request: 'invalid',
  invalid_argument: 'invalid',
  parameter_unknown: 'invalid',
  model_not_found: 'invalid',
  out_of_range: 'invalid',
  unimplemented: 'invalid',
  failed_precondition: 'auth', // such as billing switched off
  authentication: 'auth',
  unauthenticated: 'auth',
  permission_denied: 'auth',
  already_exists: 'transient',
  aborted: 'transient',
  cancelled: 'transient',
  api_error: 'transient',
  internal: 'transient',
  service_unavailable: 'transient',
  unavailable: 'transient',
  deadline_exceeded: 'transient',
  gateway_timeout: 'transient',
};

const LIMITS: ReadonlySet<string> = new Set([
  'rate_limit_exceeded',
  'too_many_requests',
  'resource_exhausted',
  'quota_exceeded',
  'payment_required',
]);

/** What an answer outside 2xx means. */
export function rulingOf(
  status: number,
  fault: GeminiFault,
  headers: unknown,
  meanings: Meanings,
  options: JudgeOptions,
): Ruling {
  const { code = '' } = fault;
  const special = meanings[status] ?? extraClass(code, options);
  if (special !== undefined) return { errorClass: special };
  if (LIMITS.has(code) || status === 429 || status === 402) {
    return limitReached(status, fault, headers, options);
  }
  const known = Object.hasOwn(CLASSES, code) ? CLASSES[code] : undefined;
  const hint = waitHintMs(headers, fault.details, options.now);
  const errorClass = known ?? byStatus(status);
  return { errorClass, ...(hint !== undefined && errorClass === 'transient' && { retryAfterMs: hint }) };
}

const extraClass = (code: string, { extraErrorCodes }: JudgeOptions): ErrorClass | undefined =>
  Object.hasOwn(extraErrorCodes, code) ? extraErrorCodes[code] : undefined;

function limitReached(
  status: number,
  fault: GeminiFault,
  headers: unknown,
  { maxThrottleMs, now }: JudgeOptions,
): Ruling {
  const { code, message, details } = fault;
  const day = dayQuotaMs(fault, now);
  if (day !== undefined) return { errorClass: 'exhausted', retryAfterMs: day };
  if (status === 402 || code === 'payment_required' || /prepayment credits are depleted/i.test(message)) {
    return { errorClass: 'exhausted', retryAfterMs: BALANCE_PROBE_MS, needsPerson: true };
  }
  const hint = limitHintMs(headers, details, now);
  if (code === 'resource_exhausted' && /\bspend/i.test(message)) {
    return { errorClass: 'exhausted', retryAfterMs: Math.max(hint ?? 0, SPEND_WINDOW_MS) };
  }
  if (hint === undefined) return { errorClass: 'throttled' };
  return { errorClass: hint > maxThrottleMs ? 'exhausted' : 'throttled', retryAfterMs: hint };
}

/**
 * When the day's quota is back; undefined where it is not that which is used up. It comes before every hint, for it was
 * seen to ask for another try after 22 seconds.
 */
export const dayQuotaMs = ({ code, details }: GeminiFault, now: Date): number | undefined =>
  code === 'quota_exceeded' || isDayQuota(details) ? msToMidnight(QUOTA_ZONE, now) : undefined;

/** `quotaId` of a QuotaFailure, or `quota_limit` of an ErrorInfo, as `GenerateRequestsPerDayPerProject`. */
const isDayQuota = (details: readonly unknown[]): boolean =>
  details.some((detail) => {
    const { violations, metadata } = fieldsOf(detail);
    const ids = (Array.isArray(violations) ? violations : []).map((one) => fieldsOf(one)['quotaId']);
    return [...ids, fieldsOf(metadata)['quota_limit']].some((id) => /PerDay/.test(String(id)));
  });

/** Codes of a run that was stopped for what it said or was to say. */
const REFUSALS =
  /^(safety|recitation|language|prohibited_content|spii|blocklist|content_blocked|image_[a-z_]+)$/;

/** What the error of a run that ended `failed` means. */
export function rulingOfRun(code: string, message: string, options: JudgeOptions): Ruling {
  const word = code.toLowerCase();
  const extra = extraClass(word, options);
  if (extra !== undefined) return { errorClass: extra };
  if (REFUSALS.test(word)) return { errorClass: 'rejected' };
  if (LIMITS.has(word)) return limitReached(0, { code: word, message, details: [] }, undefined, options);
  const known = Object.hasOwn(CLASSES, word) ? CLASSES[word] : undefined;
  // The request was fine when it started: what went wrong then is this run's, and another may come to its end.
  return { errorClass: known === 'auth' || known === 'transient' ? known : 'rejected' };
}
