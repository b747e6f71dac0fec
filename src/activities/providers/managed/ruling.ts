import { AdapterError, type ErrorClass } from '../../../contract/errors.js';
import { messageOf } from '../../../contract/thrown.js';
import { isServerFault } from '../../http/refusal.js';
import { codeOf, isNotSent } from '../../http/request.js';
import type { ProviderVerb } from '../provider.js';
import { saidText } from './said.js';

/**
 * What an error struck. `paid`: a request that may have started paid work. `free`: one that changes something,
 * costs nothing, and is looked up or repeated without harm. `read`: one that only reads.
 */
export type CallKind = 'paid' | 'free' | 'read';

/** What is thrown by a verb outside of any call counts as if its most dangerous call had thrown it. */
export const kindOf = (verb: ProviderVerb): CallKind => {
  if (verb === 'start') return 'paid';
  return verb === 'cancel' || verb === 'release' ? 'free' : 'read';
};

export interface JudgeOptions {
  /** Taken out of all texts. */
  readonly secrets: readonly string[];
  readonly extraErrorCodes: Readonly<Record<string, ErrorClass>>;
  readonly maxThrottleMs: number;
  readonly now: Date;
}

/** Statuses that have a meaning of their own after one call, such as a 404 after a cancel. */
export type Meanings = Readonly<Partial<Record<number, ErrorClass>>>;

/** Of a call that asks for nothing by its id: what is not there is the service, or the agent, and so it is for every job. */
export const NOWHERE: Meanings = { 404: 'config' };

/** What an answer outside 2xx means. */
export interface Ruling {
  readonly errorClass: ErrorClass;
  readonly retryAfterMs?: number;
  readonly needsPerson?: true;
}

export interface Judged extends Ruling {
  readonly status?: number;
  readonly code?: string;
  readonly said: string;
  readonly requestId?: string;
}

/** Statuses of the 4xx range after which work may have been done all the same. */
const UNCLEAR: ReadonlySet<number> = new Set([408, 409, 499]);

/** Whether a request that was answered so may have been carried out. */
export const mayHaveWorked = (status: number): boolean =>
  UNCLEAR.has(status) || (status >= 500 && status !== 501) || status < 300;

/**
 * The error of a request that was answered. The library's own error is not kept as its cause: it holds what the
 * service said in full, and a service that repeats the key would bring it into logs.
 */
export function refused(
  what: string,
  kind: CallKind,
  { errorClass, retryAfterMs, needsPerson, status, code, said, requestId }: Judged,
): AdapterError {
  const unclear = status !== undefined && mayHaveWorked(status);
  const shown = [code, said].filter((part) => part !== undefined && part !== '').join(': ');
  const facts = {
    sent: unclear ? ('maybe' as const) : ('rejected' as const),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(needsPerson && { needsPerson }),
    ...(status !== undefined && isServerFault(status) && { serverFault: true }),
    ...((code ?? status) !== undefined && { code: code ?? String(status) }),
  };
  const id = requestId === undefined ? '' : ` [request=${requestId}]`;
  const message = `${what} was answered ${status ?? 'unreadably'}${shown === '' ? '' : `: ${shown}`}${id}`;
  return new AdapterError(kind === 'paid' && unclear ? 'unknown' : errorClass, message, facts);
}

/**
 * The error of a request without a whole answer. An answer that breaks off, or is no JSON, comes from both vendors'
 * libraries as a bare TypeError or SyntaxError: after a paid request that is no proof of anything.
 */
export function unanswered(
  what: string,
  kind: CallKind,
  error: unknown,
  secrets: readonly string[],
): AdapterError {
  const code = codeOf(error);
  const facts = (sent: 'no' | 'maybe') => ({ sent, ...(code !== undefined && { code }) });
  const said = saidText(code ?? messageOf(error), secrets);
  if (isNotSent(error))
    return new AdapterError('transient', `${what}: can’t be reached: ${said}`, facts('no'));
  const message = `${what}: no usable answer: ${said}`;
  if (kind === 'paid') return new AdapterError('unknown', message, facts('maybe'));
  return new AdapterError(isTransport(error) ? 'transient' : 'bug', message, facts('maybe'));
}

const TRANSPORT_NAMES: ReadonlySet<string> = new Set([
  'APIConnectionError',
  'APIConnectionTimeoutError',
  'APIUserAbortError',
  'ConnectionError',
  'RequestTimeoutError',
  'RequestAbortedError',
  'AbortError',
  'CancelledFailure', // the reason of a job's own signal
  'TimeoutError',
  'SyntaxError',
  'UnreadableAnswer',
]);

const isTransport = (error: unknown): boolean =>
  error instanceof Error &&
  (TRANSPORT_NAMES.has(error.name) || codeOf(error) !== undefined || isBrokenBody(error));

/** How fetch says that a body ended too early. Any other TypeError is a mistake of our own. */
const isBrokenBody = (error: Error): boolean =>
  error instanceof TypeError && /^(terminated|fetch failed)/.test(error.message);

/** A 2xx whose body is not what the service promises: as good as none. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer';
}
