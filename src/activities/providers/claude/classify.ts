import { judgeOf } from '../managed/judge.js';
import { fieldsOf, textField } from '../managed/record.js';
import { rulingOf, type ClaudeFault } from './rulings.js';

export const judge = judgeOf({
  readFault: (error) => readFault(fieldsOf(error)['error']),
  rulingOf,
  wordOf: ({ code, type }) => code ?? type,
  requestIdOf: (error) => textField(fieldsOf(error)['error'], 'request_id') ?? textField(error, 'requestID'),
});

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
