import { Worker } from 'node:worker_threads';
import { AdapterError } from '../contract/errors.js';
import { aborted } from '../time-limit.js';
import type { FromThread } from './messages.js';
import { workInThread, type HeldUp } from './work-in-thread.js';
import type { AnswerOf, QuestionOf, RequestOf, ResultOf, WorkName } from './works.js';

// Owns the threads that artifacts are worked on in. An agent may write a text that takes hours to read, and a thread
// that computes can't be asked to stop: in the worker's own, no job, no lease and no Ctrl-C would be served any more.
// Does not own what the work is.
//  T1. A thread has one artifact at a time. One that takes too long, or that nobody waits for any more, is ended.
//  T2. What took too long, or too much memory, is a problem of the artifact: tried again, it would do so again.
//  T3. A thread without work keeps no process alive, and is ended soon.

/** Longest for one piece of work; to read an artifact of 20,000 lines, a book, takes about two seconds. */
const WORK_MS_MAX = 60_000;
/** A few may be held up to the end of their time, and others go on. */
const THREADS_MAX = 4;
const IDLE_MS_MAX = 30_000;
const MEMORY_MB_MAX = 1024;

/** Run from source, under a test, the thread is the compiled one: Node runs no TypeScript. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/threads/thread.js' : './thread.js',
  import.meta.url,
);

export interface Giver<N extends WorkName> {
  /** Answers its questions, where it has any. */
  readonly ask?: (question: QuestionOf<N>) => Promise<AnswerOf<N>>;
  readonly signal: AbortSignal;
  /** Longest that it may compute, in milliseconds: a minute unless told otherwise. */
  readonly msMax?: number;
}

export type WorkEnd<N extends WorkName> = { readonly kind: 'done'; readonly result: ResultOf<N> } | HeldUp;

export class ThreadPool {
  /** With what takes each out of it. */
  private readonly idle = new Map<Worker, () => void>();
  /** Those that came first, first. */
  private readonly waiting = new Set<() => void>();
  private turns: number;

  constructor(private readonly options: { msMax?: number; threadsMax?: number; idleMsMax?: number } = {}) {
    this.turns = options.threadsMax ?? THREADS_MAX;
  }

  /**
   * Has a thread do a piece of work.
   * @throws what the work throws, what `ask` throws, or the reason of the signal, at once
   */
  async run<N extends WorkName>(name: N, request: RequestOf<N>, giver: Giver<N>): Promise<WorkEnd<N>> {
    const { ask = noAnswer, signal, msMax = WORK_MS_MAX } = giver;
    await this.turn(signal);
    const thread = this.take();
    try {
      const ended = await workInThread(
        thread,
        { kind: 'work', name, request },
        { ask: (question) => ask(question as QuestionOf<N>), signal, msMax: this.options.msMax ?? msMax },
      );
      if (ended.kind === 'heldUp') return ended; // T2
      this.keep(thread);
      if (ended.kind === 'failed') throw errorOf(ended);
      return ended as WorkEnd<N>;
    } finally {
      if (!this.idle.has(thread)) end(thread); // T1
      this.giveTurn();
    }
  }

  private async turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.turns > 0) {
      this.turns--;
      return;
    }
    let mine = (): void => undefined;
    const given = new Promise<void>((resolve) => (mine = resolve));
    this.waiting.add(mine);
    try {
      await Promise.race([given, aborted(signal)]);
    } catch (error) {
      if (!this.waiting.delete(mine)) this.giveTurn(); // given just now, and not wanted any more
      throw error;
    }
  }

  private giveTurn(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.turns++;
      return;
    }
    this.waiting.delete(next);
    next();
  }

  private take(): Worker {
    const [[kept, forget] = []] = this.idle;
    if (kept === undefined || forget === undefined) return newThread();
    forget();
    kept.ref();
    return kept;
  }

  /** T3 */
  private keep(thread: Worker): void {
    const over = (): void => {
      forget();
      end(thread);
    };
    const timer = setTimeout(over, this.options.idleMsMax ?? IDLE_MS_MAX).unref();
    const forget = (): void => {
      clearTimeout(timer);
      thread.off('error', over).off('exit', over);
      this.idle.delete(thread);
    };
    thread.unref();
    thread.on('error', over).on('exit', over);
    this.idle.set(thread, forget);
  }
}

/** It is handed what it needs: no environment, and no options of this process. */
const newThread = (): Worker =>
  new Worker(ENTRY, {
    env: {},
    execArgv: [],
    name: 'artifacts',
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB_MAX },
  });

/** What it dies of in the meantime is of no interest, and must not be of any to the process. */
const end = (thread: Worker): void => {
  thread.on('error', () => undefined);
  void thread.terminate();
};

function errorOf({ message, adapter }: Extract<FromThread, { kind: 'failed' }>): Error {
  return adapter ? new AdapterError(adapter.errorClass, message, adapter.facts) : new Error(message);
}

const noAnswer = (): Promise<never> => Promise.reject(new Error('nobody answers this work'));

/** One pool for the whole process. */
export const threads = new ThreadPool();
