import { AdapterError, type ErrorClass, type ErrorFacts } from '../../../contract/errors.js';
import { refusal } from '../../http/refusal.js';
import { codeOf, isNotSent } from '../../http/request.js';
import { masked } from '../../../batch/masked.js';
import { shortenedTo } from '../../../batch/shown.js';

const SAID_LENGTH_MAX = 300;
/** Controls, breaks, and marks that turn the reading direction. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]+/gu;

/** One request to a store, as far as an error needs to know. */
export interface StoreRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** Id of the object. */
  readonly at: string;
}

/** What a store answered instead of doing it, taken out of its library's error. */
export interface Refused {
  readonly status: number;
  /** The store's own name for it; empty where it gave none. */
  readonly code: string;
  readonly said: string;
  readonly headers: Headers;
}

/** What a store's own name of a refusal means. `sent` is `rejected` unless said otherwise. */
export interface Meaning {
  readonly errorClass: ErrorClass;
  readonly fix?: string;
  readonly sent?: 'maybe';
}

/** A request that was answered by a refusal. @param meanings by the store's own names; else the status decides */
export function refusedError(
  { method, at }: StoreRequest,
  { status, code, said, headers }: Refused,
  meanings: Readonly<Record<string, Meaning>>,
): AdapterError {
  const general = refusal({ status, headers, body: '' }, { method, url: at });
  const meaning = Object.hasOwn(meanings, code) ? meanings[code] : undefined;
  const facts: ErrorFacts = {
    ...general.facts,
    ...(meaning && { sent: meaning.sent ?? 'rejected' }),
    code: code === '' ? String(status) : code,
  };
  const words = [`${method} ${at} was answered ${status}`, code].filter((word) => word !== '').join(' ');
  const text = said === '' || said === code ? words : `${words}: ${said}`;
  const fix = meaning?.fix ?? (status >= 300 && status < 400 ? REDIRECTED : undefined);
  return new AdapterError(
    meaning?.errorClass ?? general.errorClass,
    fix === undefined ? text : `${text}; ${fix}`,
    facts,
  );
}

const REDIRECTED = 'redirects are not followed; name the region and endpoint of the bucket itself';

/** A request that got no whole answer. @param said cleaned */
export function unansweredError({ method, at }: StoreRequest, error: unknown, said: string): AdapterError {
  const code = codeOf(error);
  const facts = code === undefined ? {} : { code };
  if (isNotSent(error) || isConnectTimeout(error)) {
    return new AdapterError('transient', `${at} can’t be reached: ${code ?? said}`, { ...facts, sent: 'no' });
  }
  const safe = method === 'GET' || method === 'HEAD';
  const why = isTimeout(error) ? 'no answer in time' : (code ?? said);
  return new AdapterError(safe ? 'transient' : 'unknown', `${method} ${at}: ${why}`, {
    ...facts,
    sent: 'maybe',
  });
}

/** @throws AdapterError when this try was stopped before the request left */
export function assertNotStopped({ method, at }: StoreRequest, signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new AdapterError('transient', `${method} ${at} was not sent: this try was stopped`, { sent: 'no' });
}

/** Text of a store, fit to be shown: one line, nothing unseen, cut, without our secrets. */
export function cleaned(text: string, secrets: readonly string[]): string {
  const line = masked(text, secrets).replace(UNSEEN, ' ').trim();
  return shortenedTo(line, SAID_LENGTH_MAX);
}

/** The AWS handler gives it no code, only these words. */
const isConnectTimeout = (error: unknown): boolean =>
  error instanceof Error && /did not establish a connection/.test(error.message);

const isTimeout = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'TimeoutError' || (error.cause instanceof Error && error.cause.name === 'TimeoutError')) &&
  codeOf(error) !== 'ECONNRESET';
