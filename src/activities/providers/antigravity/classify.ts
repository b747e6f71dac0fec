import { AdapterError } from '../../../contract/errors.js';
import { fieldsOf } from '../managed/record.js';
import { refused, unanswered, type CallKind, type JudgeOptions, type Meanings } from '../managed/ruling.js';
import { saidText } from '../managed/said.js';
import { readFault } from './error-body.js';
import { rulingOf } from './rulings.js';

/**
 * The error of one call to the service, classified. Never throws, whatever it is given.
 * @param what the call, for the message
 */
export function judge(
  error: unknown,
  what: string,
  kind: CallKind,
  options: JudgeOptions,
  meanings: Meanings = kind === 'read' ? { 404: 'lost' } : {},
): AdapterError {
  try {
    if (error instanceof AdapterError) return error;
    const { status, body, message, headers } = fieldsOf(error);
    if (typeof status !== 'number') return unanswered(what, kind, error, options.secrets);
    // An error of the library's older half has the body as its message.
    const fault = readFault(body ?? message);
    const said = saidText(fault.message, options.secrets);
    const code = fault.code === undefined ? undefined : saidText(fault.code, options.secrets);
    return refused(what, kind, {
      ...rulingOf(status, fault, headers, meanings, options),
      status,
      said,
      ...(code !== undefined && { code }),
    });
  } catch {
    // A value that can't even be looked at, such as a proxy that throws.
    return new AdapterError(kind === 'paid' ? 'unknown' : 'bug', `${what}: an error that can’t be read`, {
      sent: 'maybe',
    });
  }
}
