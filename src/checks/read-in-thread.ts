import type { Worker } from 'node:worker_threads';
import { aborted } from '../time-limit.js';
import type { Earlier, EarlierArtifact } from './similarity.js';
import type { TextRequest } from './text-checks.js';
import type { FromThread, ToThread } from './thread-messages.js';

/** How a thread comes to an end with an artifact; a thread that was held up must be ended, too. */
export type ThreadEnd =
  Extract<FromThread, { kind: 'found' | 'failed' }> | { readonly kind: 'heldUp'; readonly problem: string };

/** Time is counted in so many steps: of a host that slept, or a process that was stopped, one step passes. */
const STEPS = 60;

/**
 * Has a thread read one artifact.
 * @param msMax longest that it may compute; what it waits for earlier artifacts does not count
 * @throws what `earlier` throws, the reason of the signal, or why the thread died: it must be ended then
 */
export async function readInThread(
  thread: Worker,
  request: TextRequest,
  {
    earlier,
    signal,
    msMax,
  }: { readonly earlier: Earlier; readonly signal: AbortSignal; readonly msMax: number },
): Promise<ThreadEnd> {
  const tell = (message: ToThread): void => thread.postMessage(message);
  let check = 'notEmpty';
  let stepsLeft = STEPS;
  let computes = true;
  let list: AsyncIterator<EarlierArtifact> | undefined;
  const closeList = (): void => void list?.return?.().catch(() => undefined);

  const nextEarlier = async (at: number, limit: number): Promise<void> => {
    if (at === 0) {
      closeList();
      list = earlier(limit)[Symbol.asyncIterator]();
    }
    computes = false;
    const next = await list?.next();
    computes = true;
    tell({ kind: 'earlier', artifact: next?.done === false ? next.value : undefined });
  };

  let close = (): void => undefined;
  const ended = new Promise<ThreadEnd>((resolve, reject) => {
    const heldUp = (why: string): void => resolve({ kind: 'heldUp', problem: `${check} ${why}` });
    const hear = (message: FromThread): void => {
      if (message.kind === 'begins') check = message.check;
      else if (message.kind === 'earlier') nextEarlier(message.at, message.limit).catch(reject);
      else resolve(message);
    };
    const died = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') heldUp('needs more memory than an artifact is given');
      else reject(error);
    };
    const gone = (): void =>
      reject(new Error(`the thread that reads artifacts has ended by itself, in ${check}`));
    const step = (): void => {
      if (computes && --stepsLeft === 0) heldUp(`did not come to an end within ${msMax / 1000} s: ${WHY}`);
    };
    thread.on('message', hear).on('error', died).on('exit', gone);
    const timer = setInterval(step, msMax / STEPS);
    close = () => {
      clearInterval(timer);
      thread.off('message', hear).off('error', died).off('exit', gone);
    };
  });
  try {
    tell({ kind: 'read', request });
    return await Promise.race([ended, aborted(signal)]);
  } finally {
    close();
    closeList();
  }
}

const WHY = 'the text, or a pattern that it is held against, is one that takes ever longer';
