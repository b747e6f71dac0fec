/**
 * What the ledger's clock says, told by this process's own steady one. Each call to the ledger bounds the difference:
 * its time was read after the call began and before the answer came. The narrowest bounds of late are kept.
 */
export class SharedClock {
  private low = -Infinity;
  private high = Infinity;

  constructor(private readonly steadyMs: () => number = () => performance.now()) {}

  /** The ledger said `nowMs` between these two readings of the steady clock. */
  told(nowMs: number, calledMs: number, answeredMs: number): void {
    const low = nowMs - answeredMs;
    const high = nowMs - calledMs;
    const narrowed = { low: Math.max(this.low, low), high: Math.min(this.high, high) };
    // A clock was set, or drifted: what was known before is of no use.
    ({ low: this.low, high: this.high } = narrowed.low <= narrowed.high ? narrowed : { low, high });
  }

  /** Milliseconds since the epoch, by the ledger's clock as far as it is known; never ahead of it. */
  nowMs(): number {
    return this.low === -Infinity ? Date.now() : this.low + this.steadyMs();
  }

  /** The same, never behind it: for finding out whether something is late. */
  latestMs(): number {
    return this.high === Infinity ? Date.now() : this.high + this.steadyMs();
  }
}
