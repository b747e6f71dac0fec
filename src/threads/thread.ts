/** Entry of a thread that works on artifacts, one at a time. `thread-pool.ts` starts it, and ends it. */
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { AdapterError } from '../contract/errors.js';
import { messageOf } from '../contract/thrown.js';
import type { FromThread, ToThread } from './messages.js';
import type { Work, WorkContext } from './work.js';
import { WORKS } from './works.js';

const port = parentPort;
if (port === null) throw new Error('it is the entry of a thread');
const say = (message: FromThread): void => port.postMessage(message);

port.on('message', (message: ToThread) => {
  if (message.kind === 'work') void carryOut(message);
});

async function carryOut({ name, request }: Extract<ToThread, { kind: 'work' }>): Promise<void> {
  try {
    const work = WORKS[name] as Work<unknown, unknown, unknown, unknown>;
    say({ kind: 'done', result: await work(request, context) });
  } catch (error) {
    say({
      kind: 'failed',
      message: messageOf(error),
      ...(error instanceof AdapterError && { adapter: { errorClass: error.errorClass, facts: error.facts } }),
    });
  }
}

const context: WorkContext<unknown, unknown> = {
  begins: (step) => say({ kind: 'begins', step }),
  ask: async (question) => {
    const answered = once(port, 'message');
    say({ kind: 'asks', question });
    const [message] = (await answered) as [ToThread];
    if (message.kind !== 'answer') throw new Error(`a ${message.kind} is no answer`);
    return message.answer;
  },
};
