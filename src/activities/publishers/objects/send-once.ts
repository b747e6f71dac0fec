import type { AdapterError } from '../../../contract/errors.js';
import { withTimeLimit } from '../../../time-limit.js';
import { BODY_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './object-store.js';
import { assertNotStopped, type Refused, type StoreRequest } from './store-error.js';

/** How a store's library says that something went wrong. Both are pure. */
export interface StoreErrors {
  /** Undefined where there was no answer. */
  readonly refusalIn: (error: unknown) => Refused | undefined;
  readonly toAdapterError: (error: unknown, request: StoreRequest) => AdapterError;
}

/** True for a refusal that is an answer, such as a name that is taken. */
export type Expected = (status: number, code: string) => boolean;

export type Send = <T>(
  method: StoreRequest['method'],
  name: string,
  signal: AbortSignal,
  expected: Expected,
  request: (abortSignal: AbortSignal) => Promise<T>,
) => Promise<T | undefined>;

/**
 * Sends requests of one store by a library that sends each once. They end as undefined where the answer was an
 * expected refusal, else they throw an AdapterError.
 */
export function sender(idBase: string, { refusalIn, toAdapterError }: StoreErrors): Send {
  return async (method, name, signal, expected, request) => {
    const what = { method, at: `${idBase}${name}` };
    const carriesBody = method === 'PUT' || method === 'GET';
    const timeoutMs = carriesBody ? BODY_TIMEOUT_MS : REQUEST_TIMEOUT_MS;
    assertNotStopped(what, signal);
    try {
      return await withTimeLimit(timeoutMs, signal, request);
    } catch (error) {
      const refused = refusalIn(error);
      if (refused && expected(refused.status, refused.code)) return undefined;
      throw toAdapterError(error, what);
    }
  };
}
