import { AdapterError, type ErrorClass } from '../../../contract/errors.js';
import { fieldsOf } from './record.js';
import {
  refused,
  unanswered,
  type CallKind,
  type JudgeOptions,
  type Meanings,
  type Ruling,
} from './ruling.js';
import { saidText } from './said.js';

/** How one service tells of its errors, and what they mean. */
export interface Service<Fault extends { readonly message: string }> {
  /** @param error what its library has thrown after an answer */
  readonly readFault: (error: unknown) => Fault;
  /** What an answer outside 2xx means. */
  readonly rulingOf: (
    status: number,
    fault: Fault,
    headers: unknown,
    meanings: Meanings,
    options: JudgeOptions,
  ) => Ruling;
  /** The word for it that messages show. */
  readonly wordOf: (fault: Fault) => string | undefined;
  /** The service's own number for the request, for whoever asks it. */
  readonly requestIdOf?: (error: unknown) => string | undefined;
}

/** The error of one call to a service, classified. Never throws, whatever it is given. */
export type Judge = (
  error: unknown,
  /** The call, for the message. */
  what: string,
  kind: CallKind,
  options: JudgeOptions,
  meanings?: Meanings,
) => AdapterError;

export const judgeOf =
  <Fault extends { readonly message: string }>(service: Service<Fault>): Judge =>
  (error, what, kind, options, meanings = kind === 'read' ? { 404: 'lost' } : {}) => {
    try {
      if (error instanceof AdapterError) return error;
      const { status, headers } = fieldsOf(error);
      if (typeof status !== 'number') return unanswered(what, kind, error, options.secrets);
      const fault = service.readFault(error);
      const clean = (text: string | undefined): string | undefined =>
        text === undefined ? undefined : saidText(text, options.secrets);
      const code = clean(service.wordOf(fault));
      const requestId = clean(service.requestIdOf?.(error));
      return refused(what, kind, {
        ...service.rulingOf(status, fault, headers, meanings, options),
        status,
        said: saidText(fault.message, options.secrets),
        ...(code !== undefined && { code }),
        ...(requestId !== undefined && { requestId }),
      });
    } catch {
      // A value that can't even be looked at, such as a proxy that throws.
      return new AdapterError(kind === 'paid' ? 'unknown' : 'bug', `${what}: an error that can’t be read`, {
        sent: 'maybe',
      });
    }
  };

/** What an answer means for which the service has no words. */
export function byStatus(status: number): ErrorClass {
  if (status >= 300 && status < 400) return 'config'; // a base URL that leads elsewhere
  if (status === 401 || status === 403) return 'auth';
  if (status === 402) return 'exhausted';
  if (status === 429) return 'throttled';
  if (status === 408 || status === 409 || status === 499) return 'transient';
  if (status === 501 || (status >= 400 && status < 500)) return 'invalid';
  return 'transient';
}
