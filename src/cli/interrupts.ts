import { ExitCode } from './exit-codes.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
export type Interrupt = (typeof SIGNALS)[number];

/**
 * Ctrl-C and SIGTERM. They end the process at once, unless a verb has asked to end in good order; then the second
 * one does.
 */
export class Interrupts {
  private orderly: AbortController | undefined;

  /** @param exit told to end the process; the terminal is to be put right there */
  constructor(private readonly exit: (code: ExitCode) => void) {}

  listen(): void {
    for (const signal of SIGNALS) process.on(signal, () => this.arrived(signal));
  }

  /** Does something that ends early, in good order, when its signal aborts. The reason is the name of the signal. */
  async during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const orderly = new AbortController();
    this.orderly = orderly;
    try {
      return await work(orderly.signal);
    } finally {
      this.orderly = undefined;
    }
  }

  private arrived(signal: Interrupt): void {
    if (this.orderly && !this.orderly.signal.aborted) this.orderly.abort(signal);
    else this.exit(ExitCode.interrupted);
  }
}
