/** Entry of a thread that reads artifacts, one at a time. `thread-pool.ts` starts it, and ends it. */
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import { AdapterError } from '../contract/errors.js';
import { messageOf } from '../contract/thrown.js';
import type { Earlier } from './similarity.js';
import { textFindings, type TextRequest } from './text-checks.js';
import type { FromThread, ToThread } from './thread-messages.js';

const port = parentPort;
if (port === null) throw new Error('it is the entry of a thread');
const say = (message: FromThread): void => port.postMessage(message);

port.on('message', (message: ToThread) => {
  if (message.kind === 'read') void read(message.request);
});

async function read(request: TextRequest): Promise<void> {
  try {
    const findings = await textFindings(request, {
      earlier,
      begins: (check) => say({ kind: 'begins', check }),
    });
    say({ kind: 'found', findings });
  } catch (error) {
    say({
      kind: 'failed',
      message: messageOf(error),
      ...(error instanceof AdapterError && { adapter: { errorClass: error.errorClass, facts: error.facts } }),
    });
  }
}

/** One by one: together they may be more than fits into memory. */
const earlier: Earlier = async function* (limit) {
  for (let at = 0; ; at++) {
    const answered = once(port, 'message');
    say({ kind: 'earlier', at, limit });
    const [answer] = (await answered) as [ToThread];
    if (answer.kind !== 'earlier' || answer.artifact === undefined) return;
    yield answer.artifact;
  }
};
