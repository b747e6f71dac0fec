import type { AdapterError } from './contract/errors.js';

const SAID_EVERY_MS = 5 * 60_000;

/** What keeps this process from writing to its ledger, or from storing artifacts. */
export class WriteWatch {
  private saidAt = -Infinity;
  private present: { readonly trouble: AdapterError; readonly seenAt: string } | undefined;

  /** @param say told why nothing can be written, now and then while that lasts */
  constructor(private readonly say: (why: string) => void) {}

  /** Of the last write, and when that was; undefined where it went well, or nobody has written. */
  get last(): { readonly trouble: AdapterError; readonly seenAt: string } | undefined {
    return this.present;
  }

  /** @param trouble of a write; undefined: it went well */
  noted(trouble: AdapterError | undefined): void {
    this.present = trouble && { trouble, seenAt: new Date().toISOString() };
    const now = performance.now();
    if (trouble === undefined || now - this.saidAt < SAID_EVERY_MS) return;
    this.saidAt = now;
    this.say(trouble.message);
  }
}
