import type { AdapterError } from '../contract/errors.js';

const SAID_EVERY_MS = 5 * 60_000;

/** What keeps this process from writing to its ledger. */
export class WriteWatch {
  private saidAt = -Infinity;
  private present: AdapterError | undefined;

  /** @param say told why nothing can be written, now and then while that lasts */
  constructor(private readonly say: (why: string) => void) {}

  /** Of the last write; undefined where it went well, or nobody has written. */
  get trouble(): AdapterError | undefined {
    return this.present;
  }

  /** @param trouble of a write; undefined: it went well */
  noted(trouble: AdapterError | undefined): void {
    this.present = trouble;
    const now = performance.now();
    if (trouble === undefined || now - this.saidAt < SAID_EVERY_MS) return;
    this.saidAt = now;
    this.say(trouble.message);
  }
}
