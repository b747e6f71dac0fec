import { condition, isCancellation } from '@temporalio/workflow';
import type { StopLossRule } from '../contract/limits.js';
import type { JobEndSeen } from '../contract/messages.js';
import { isToTell, seen, stopLoss } from '../policy/stop-loss.js';

/** In this time its batch has paused a shard, where it does. */
const PAUSED_MS = 10_000;

/**
 * How the jobs of a shard have ended, for the stop-loss of its batch.
 *
 *  E1. What may make it strike is told at once; what ends while that is on its way goes with the next.
 *  E2. All else goes with it, or with the summary of the shard: where all is well no message is sent.
 *  E3. A shard that has as many failures as are counted by itself begins nothing more, for its batch is about to be paused.
 */
export class EndsToTell {
  private untold: readonly JobEndSeen[] = [];
  /** For rules that count. */
  private own: readonly JobEndSeen[] = [];
  private readonly counts: readonly StopLossRule[];
  private stands = false;
  /** Failures that were told, for as long as a rule counts them. */
  private told: readonly JobEndSeen[] = [];
  private isDue = false;
  private isOnItsWay = false;

  /** @param since when a person last said "go on" */
  constructor(
    private readonly rules: readonly StopLossRule[],
    private readonly since: () => number,
    private readonly tell: (ends: readonly JobEndSeen[]) => Promise<void>,
  ) {
    this.counts = rules.filter(({ count }) => count !== undefined);
  }

  /** E3 */
  get standsStill(): boolean {
    return this.stands;
  }

  add(end: JobEndSeen): void {
    const { rules, told } = this;
    const nowMs = Date.now();
    this.untold = seen(this.untold, [end], rules, nowMs);
    this.isDue ||= isToTell(this.untold, told, rules, nowMs, this.since());
    this.own = seen(this.own, [end], this.counts, nowMs);
    if (this.stands || stopLoss(this.own, this.counts, nowMs, this.since()) === undefined) return;
    this.isDue = true;
    void this.standStill();
  }

  /** The batch asks: it is told in any case. */
  ask(): void {
    this.isDue = true;
  }

  /** Tells, for as long as the shard runs. */
  async run(): Promise<void> {
    try {
      for (;;) {
        await condition(() => this.isDue);
        const ends = this.untold;
        [this.untold, this.isDue, this.isOnItsWay] = [[], false, true];
        const failures = ends.filter(({ errorClass }) => errorClass !== undefined);
        this.told = seen(this.told, failures, this.rules, Date.now());
        await this.tell(ends);
        this.isOnItsWay = false;
      }
    } catch (error) {
      if (!isCancellation(error)) throw error; // with its batch: nobody counts any more
    }
  }

  /** E3. Until a resume; where no pause has come, for a person had resumed the batch just then, not for long. */
  private async standStill(): Promise<void> {
    this.stands = true;
    const before = this.since();
    try {
      await condition(() => this.since() > before, PAUSED_MS);
    } catch (error) {
      if (!isCancellation(error)) throw error;
    } finally {
      this.stands = false;
    }
  }

  /** E2. Resolves when all that was due has arrived. */
  async rest(): Promise<readonly JobEndSeen[]> {
    await condition(() => !this.isDue && !this.isOnItsWay);
    return this.untold;
  }
}
