import { AdapterError } from '../../../contract/errors.js';
import { messageOf } from '../../../contract/thrown.js';
import { threads, type ThreadPool } from '../../../threads/thread-pool.js';
import { timeLimit, within } from '../../../time-limit.js';
import type { HtmlOptions } from './to-html.js';

/** A book of 20,000 lines takes about two seconds. */
const RENDER_MS_MAX = 30_000;
/** With what it waits for a thread. A try has room for it and for a request of a minute before its next may begin. */
const WAIT_MS_MAX = 75_000;

/**
 * `toHtml`, in a thread: an agent may write a text that takes the parser hours, and nothing else would run meanwhile.
 * @throws AdapterError, always `sent: 'no'`: `invalid` as `toHtml` throws it, and for a text that needs more time or
 *   memory than it is given; `transient` when the signal is aborted, or no thread has time
 */
export async function toHtmlInThread(
  text: string,
  options: HtmlOptions,
  signal: AbortSignal,
  pool: ThreadPool = threads,
): Promise<string> {
  const busy = (): Error => new Error(`no thread has come to it within ${WAIT_MS_MAX / 1000} s`);
  const limit = timeLimit(WAIT_MS_MAX, signal, busy);
  try {
    const end = await within(limit, (inTime) =>
      pool.run('html', { text, options }, { signal: inTime, msMax: RENDER_MS_MAX }),
    );
    if (end.kind === 'done') return end.result;
    const { why, by } = end;
    throw failed(
      'invalid',
      by === 'time' ? `that ${why}: its text is one that takes ever longer` : `that ${why}`,
    );
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    throw failed(limit.signal.aborted ? 'transient' : 'bug', messageOf(error), error);
  }
}

const failed = (errorClass: 'invalid' | 'transient' | 'bug', why: string, cause?: unknown): AdapterError =>
  new AdapterError(errorClass, `the artifact can’t be made into HTML: ${why}`, { sent: 'no' }, { cause });
