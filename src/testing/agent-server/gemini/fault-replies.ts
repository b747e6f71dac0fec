import type { FaultHit } from '../faults/rules.js';
import type { Reply } from '../http/call.js';
import { waitHeaders, type WaitForm } from '../http/wait-hints.js';
import { classicError, wordError } from './errors.js';

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';
const QUOTA_FAILURE = 'type.googleapis.com/google.rpc.QuotaFailure';

/** What Gemini answers when this fault strikes. @param callersMs how long the caller would have to wait */
export function geminiFault(hit: FaultHit, callersMs: number, nowReal: Date): Reply {
  switch (hit.do) {
    case 'throttle':
      return throttled(hit, callersMs, nowReal);
    case 'server-error':
      return serverError(hit);
    case 'day-quota':
      return dayQuota(hit);
    case 'spend-cap':
      return hit.form === '402'
        ? wordError(402, 'payment_required', 'Your prepayment credits are depleted.')
        : shaped(
            hit,
            429,
            'resource_exhausted',
            'You exceeded the spend limit for a rolling window of 10 minutes.',
          );
    case 'auth':
      return hit.form === '403'
        ? shaped(hit, 403, 'permission_denied', 'Your project has been denied access.')
        : shaped(hit, 401, 'authentication', 'API key not valid. Please pass a valid API key.');
    case 'cancel-404':
      return hit.form === 'method'
        ? classicError(404, 'NOT_FOUND', 'Method not found.')
        : wordError(404, 'not_found', 'Interaction not found.');
    default:
      return wordError(500, 'api_error', `${hit.do} has no reply of its own`);
  }
}

const CLASSIC_STATUS: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

function shaped(
  { body }: FaultHit,
  status: number,
  word: string,
  message: string,
  details?: readonly object[],
  headers?: Readonly<Record<string, string>>,
): Reply {
  return body === 'word'
    ? wordError(status, word, message, details, headers)
    : classicError(status, CLASSIC_STATUS[status] ?? 'UNKNOWN', message, details, headers);
}

function throttled(hit: FaultHit, callersMs: number, nowReal: Date): Reply {
  const message = 'Too many requests: the limit of requests per minute is reached.';
  if (hit.form === 'retry-info') {
    const details = [{ '@type': RETRY_INFO, retryDelay: `${Math.ceil(callersMs) / 1000}s` }];
    return shaped(hit, 429, 'rate_limit_exceeded', message, details);
  }
  const headers = hit.form === 'none' ? {} : waitHeaders(hit.form as WaitForm, callersMs, nowReal);
  return shaped(hit, 429, 'rate_limit_exceeded', message, undefined, headers);
}

function serverError(hit: FaultHit): Reply {
  switch (hit.form) {
    case '502':
      return {
        status: 502,
        headers: { 'content-type': 'text/html; charset=UTF-8' },
        body: Buffer.from('<!DOCTYPE html><title>Error 502 (Server Error)!!1</title><p>That’s an error.'),
      };
    case '503':
      return shaped(hit, 503, 'service_unavailable', 'The service is overloaded. Please try again later.');
    case '504':
      return shaped(hit, 504, 'deadline_exceeded', 'The service did not finish in time.');
    default:
      return shaped(hit, 500, 'api_error', 'An internal error has occurred.');
  }
}

/** The classic form misleads on purpose: it was seen to ask for a retry after 22 s although the day is over. */
function dayQuota({ form }: FaultHit): Reply {
  const message = 'You exceeded your current quota of requests per day.';
  if (form === 'word') return wordError(429, 'quota_exceeded', message);
  return classicError(429, 'RESOURCE_EXHAUSTED', message, [
    {
      '@type': QUOTA_FAILURE,
      violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel', quotaValue: '250' }],
    },
    { '@type': RETRY_INFO, retryDelay: '22s' },
  ]);
}
