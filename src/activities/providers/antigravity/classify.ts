import { judgeOf } from '../managed/judge.js';
import { fieldsOf } from '../managed/record.js';
import { readFault } from './error-body.js';
import { rulingOf } from './rulings.js';

export const judge = judgeOf({
  readFault: (error) => {
    const { body, message } = fieldsOf(error);
    return readFault(body ?? message); // an error of the library's older half has the body as its message
  },
  rulingOf,
  wordOf: ({ code }) => code,
});
