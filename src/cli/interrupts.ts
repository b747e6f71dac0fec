import { ExitCode } from './exit-codes.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type Interrupt = (typeof SIGNALS)[number];

interface Orderly {
  readonly end: AbortController;
  readonly outlivesTerminal: boolean;
}

/**
 * Ctrl-C and SIGTERM, and the SIGHUP of a terminal that was closed or of a connection that dropped. They end the process
 * at once, unless a verb has asked to end in good order; then the second one does. What carries a night outlives its
 * terminal: it would stand still till the morning, and Node undoes what `nohup` has set.
 */
export class Interrupts {
  private readonly orderly = new Set<Orderly>();

  /** @param exit told to end the process; the terminal is to be put right there */
  constructor(private readonly exit: (code: ExitCode) => void) {}

  listen(): void {
    for (const signal of SIGNALS) process.on(signal, () => this.arrived(signal));
  }

  /**
   * Does something that ends early, in good order, when its signal aborts. The reason is the name of the signal.
   * @param options.outlivesTerminal whether it goes on where only the terminal goes away
   */
  async during<T>(
    work: (signal: AbortSignal) => Promise<T>,
    { outlivesTerminal = false }: { readonly outlivesTerminal?: boolean } = {},
  ): Promise<T> {
    const one = { end: new AbortController(), outlivesTerminal };
    this.orderly.add(one);
    try {
      return await work(one.end.signal);
    } finally {
      this.orderly.delete(one);
    }
  }

  private arrived(signal: Interrupt): void {
    const under = [...this.orderly];
    if (signal === 'SIGHUP' && under.some(({ outlivesTerminal }) => outlivesTerminal)) return;
    const told = under.filter(({ end }) => !end.signal.aborted);
    if (told.length === 0) this.exit(ExitCode.interrupted);
    for (const { end } of told) end.abort(signal);
  }
}
