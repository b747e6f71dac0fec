import { Worker } from 'node:worker_threads';
import { AdapterError } from '../contract/errors.js';
import { aborted } from '../time-limit.js';
import { readInThread } from './read-in-thread.js';
import type { ReadText } from './run-checks.js';
import type { FromThread } from './thread-messages.js';

// Owns the threads that artifacts are read in. An agent may write a text that takes hours to read, and a thread that
// computes can't be asked to stop: in the worker's own, no job, no lease and no Ctrl-C would be served any more.
//  T1. A thread reads one artifact at a time. One that takes too long, or that nobody waits for any more, is ended.
//  T2. What took too long, or too much memory, is a problem of the artifact: tried again, it would do so again.
//  T3. A thread without work keeps no process alive, and is ended soon.

/** Longest that one artifact is read; one of 20,000 lines, a book, takes about two seconds. */
const READ_MS_MAX = 60_000;
/** A few may be held up to the end of their time, and others go on. */
const THREADS_MAX = 4;
const IDLE_MS_MAX = 30_000;
const MEMORY_MB_MAX = 1024;

/** Run from source, under a test, the thread is the compiled one: Node runs no TypeScript. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/checks/thread.js' : './thread.js',
  import.meta.url,
);

export class ThreadPool {
  /** With what takes each out of it. */
  private readonly idle = new Map<Worker, () => void>();
  /** Those that came first, first. */
  private readonly waiting = new Set<() => void>();
  private turns: number;

  constructor(
    private readonly options: { readMsMax?: number; threadsMax?: number; idleMsMax?: number } = {},
  ) {
    this.turns = options.threadsMax ?? THREADS_MAX;
  }

  /**
   * `textFindings`, in a thread.
   * @throws what that throws, what `earlier` throws, or the reason of the signal, at once
   */
  readonly read: ReadText = async (request, { earlier, signal }) => {
    await this.turn(signal);
    const thread = this.take();
    try {
      const msMax = this.options.readMsMax ?? READ_MS_MAX;
      const ended = await readInThread(thread, request, { earlier, signal, msMax });
      if (ended.kind === 'heldUp') return { problems: [ended.problem] }; // T2
      this.keep(thread);
      if (ended.kind === 'failed') throw errorOf(ended);
      return ended.findings;
    } finally {
      if (!this.idle.has(thread)) end(thread); // T1
      this.giveTurn();
    }
  };

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
    name: 'checks',
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

/** One for the whole process. */
const pool = new ThreadPool();

export const textFindingsInThread: ReadText = pool.read;
