import type { Worker } from 'node:worker_threads';
import { aborted } from '../time-limit.js';
import type { FromThread, ToThread } from './messages.js';

/** Work that a thread came to no end with, in the step that it was in when it has said so. */
export interface HeldUp {
  readonly kind: 'heldUp';
  readonly step?: string | undefined;
  readonly by: 'time' | 'memory';
  /** Goes on after what was held up. */
  readonly why: string;
}

/** How a thread comes to an end with its work; one that was held up must be ended, too. */
export type ThreadEnd = Extract<FromThread, { kind: 'done' | 'failed' }> | HeldUp;

export interface Giver {
  /** Answers a question of the work. */
  readonly ask: (question: unknown) => Promise<unknown>;
  readonly signal: AbortSignal;
  /** Longest that it may compute, in milliseconds; what it waits for answers does not count. */
  readonly msMax: number;
}

/** Time is counted in so many steps: of a host that slept, or a process that was stopped, one step passes. */
const STEPS = 60;

/**
 * Has a thread do one piece of work.
 * @throws what `ask` throws, the reason of the signal, or why the thread died: it must be ended then
 */
export async function workInThread(
  thread: Worker,
  work: Extract<ToThread, { kind: 'work' }>,
  { ask, signal, msMax }: Giver,
): Promise<ThreadEnd> {
  const tell = (message: ToThread): void => thread.postMessage(message);
  let step: string | undefined;
  let stepsLeft = STEPS;
  let computes = true;

  const answer = async (question: unknown): Promise<void> => {
    computes = false;
    const answered = await ask(question);
    computes = true;
    tell({ kind: 'answer', answer: answered });
  };

  let close = (): void => undefined;
  const ended = new Promise<ThreadEnd>((resolve, reject) => {
    const heldUp = (by: HeldUp['by'], why: string): void => resolve({ kind: 'heldUp', step, by, why });
    const hear = (message: FromThread): void => {
      if (message.kind === 'begins') step = message.step;
      else if (message.kind === 'asks') answer(message.question).catch(reject);
      else resolve(message);
    };
    const died = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY')
        heldUp('memory', 'needs more memory than an artifact is given');
      else reject(error);
    };
    const gone = (): void =>
      reject(new Error(`the thread that works on artifacts has ended by itself, in ${step ?? work.name}`));
    const pass = (): void => {
      if (computes && --stepsLeft === 0) heldUp('time', `did not come to an end within ${msMax / 1000} s`);
    };
    thread.on('message', hear).on('error', died).on('exit', gone);
    const timer = setInterval(pass, msMax / STEPS);
    close = () => {
      clearInterval(timer);
      thread.off('message', hear).off('error', died).off('exit', gone);
    };
  });
  try {
    tell(work);
    return await Promise.race([ended, aborted(signal)]);
  } finally {
    close();
  }
}
