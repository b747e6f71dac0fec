import { AdapterError } from '../../../contract/errors.js';
import { fieldsOf, textField } from '../managed/record.js';
import { refused, unanswered, type CallKind, type JudgeOptions, type Meanings } from '../managed/ruling.js';
import { saidText } from '../managed/said.js';
import { rulingOf, type ClaudeFault } from './rulings.js';

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
    const { status, error: body, headers } = fieldsOf(error);
    if (typeof status !== 'number') return unanswered(what, kind, error, options.secrets);
    const fault = readFault(body);
    const clean = (text: string | undefined): string | undefined =>
      text === undefined ? undefined : saidText(text, options.secrets);
    const code = clean(fault.code ?? fault.type);
    const requestId = clean(textField(body, 'request_id') ?? textField(error, 'requestID'));
    return refused(what, kind, {
      ...rulingOf(status, fault, headers, meanings, options),
      status,
      said: clean(fault.message) ?? '',
      ...(code !== undefined && { code }),
      ...(requestId !== undefined && { requestId }),
    });
  } catch {
    // A value that can't even be looked at, such as a proxy that throws.
    return new AdapterError(kind === 'paid' ? 'unknown' : 'bug', `${what}: an error that can’t be read`, {
      sent: 'maybe',
    });
  }
}

/** `{"type":"error","error":{"type","message","details?":{"error_code"}},"request_id"}` */
function readFault(body: unknown): ClaudeFault {
  const { error } = fieldsOf(body);
  const type = textField(error, 'type');
  const code = textField(fieldsOf(error)['details'], 'error_code');
  return {
    ...(type !== undefined && { type }),
    ...(code !== undefined && { code }),
    message: textField(error, 'message') ?? '',
  };
}
