import { ApplicationFailure, ChildWorkflowFailure } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  isCancellation,
  patched,
  startChild,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { PauseLevel } from '../contract/holds.js';
import {
  FAILURE,
  WORKFLOW_TASK_TIMEOUT_MS,
  type BatchInput,
  type ShardAside,
  type ShardSummary,
  type Slice,
} from '../contract/messages.js';
import { shardWorkflowId, parseBatchWorkflowId } from '../identity/workflow-ids.js';
import { SHARDS_UNDER_WAY_MAX, sharesOf, shardsAtOnce } from '../policy/shards.js';
import type { Lanes } from './lanes.js';
import { pauseSignal, resumeSignal, setConcurrencySignal, stopSignal } from './messages.js';
import { shard } from './shard.js';
import type { Tally } from './tally.js';

interface RunningShard {
  readonly slice: Slice;
  readonly child: ChildWorkflowHandle<typeof shard>;
  /** Of the concurrency, as it was last told. */
  share: number;
}

/** In batches begun by older releases each shard keeps at least one job at once. */
const SHARES_ANEW = 'shards-share-anew';

/** In batches begun by older releases shards whose jobs all wait keep the share that they had. */
const SHARES_OF_ASIDES = 'shares-of-asides';

/** Batches begun by older releases let each shard find out by itself what has stopped another. */
const STOPS_SHARDS = 'stops-shards';

/**
 * Carries the jobs of a large batch by shards, a few at once, so that no history grows with the batch.
 *
 *  S1. The jobs in progress over all shards never exceed the batch's concurrency, but for S2, and for those under way
 *      where a share was cut, for one had something to begin again.
 *  S2. Shards whose jobs all wait leave their lanes to others. While these are at work, each takes them back one by one.
 *  S3. A shard ends with its last job; trouble that stops one shard's admission stops the batch's, and so that of all.
 *  S4. While there is a canary, one shard is at work, which carries it; the others begin when it says that it did well.
 */
export class Shards {
  private readonly running = new Map<number, RunningShard>();
  /** Indexes of those that can begin nothing, and whose jobs all wait; one may say so before its start was heard of. */
  private readonly aside = new Set<number>();
  private sharesAnew = false;
  private atOnce = 1;
  private starting: 0 | 1 = 0;
  private pending: Slice[] = [];
  private unstarted = 0;
  private left = 0;

  constructor(
    private readonly batch: BatchInput,
    private readonly batchId: string,
    private readonly tally: Tally,
    private readonly lanes: Lanes,
    private readonly onChange: () => void,
  ) {}

  /** Shards report when they end: until then, all their jobs count as in progress. */
  get inFlightCount(): number {
    return [...this.running.values()].reduce((sum, { slice }) => sum + slice.count, 0);
  }

  get waiting(): number {
    return this.unstarted + this.pending.reduce((sum, { count }) => sum + count, 0);
  }

  /** Jobs of shards that are over which wait for a person. */
  get leftAside(): number {
    return this.left;
  }

  /** Rejects when cancelled, after the shards have ended. */
  async run(slices: readonly Slice[]): Promise<void> {
    this.pending = [...slices];
    const ends: Promise<void>[] = [];
    this.atOnce = shardsAtOnce(this.lanes.concurrency, slices.length);
    this.sharesAnew = slices.length > 0 && patched(SHARES_ANEW);
    try {
      while (this.pending.length > 0) {
        await condition(() => this.lanes.stoppedBy !== undefined || (!this.lanes.isPaused && this.hasRoom()));
        if (this.lanes.stoppedBy) break;
        const slice = this.pending.shift();
        if (!slice) break;
        const end = this.settle(await this.start(slice));
        end.catch(() => undefined); // awaited below; until then its failure is nobody's
        ends.push(end);
      }
      await this.allEnd(ends);
    } finally {
      await CancellationScope.nonCancellable(() => Promise.allSettled(ends));
    }
  }

  private async allEnd(ends: readonly Promise<void>[]): Promise<void> {
    let over = false;
    const all = Promise.all(ends).finally(() => (over = true));
    all.catch(() => undefined); // awaited below
    await condition(() => over || this.lanes.stoppedBy !== undefined);
    const { stoppedBy } = this.lanes;
    if (!over && stoppedBy && patched(STOPS_SHARDS)) {
      const tell = ({ child }: RunningShard) => child.signal(stopSignal, stoppedBy);
      await Promise.allSettled([...this.running.values()].map(tell)); // S3
    }
    await all;
  }

  async setPaused(level: PauseLevel | undefined): Promise<void> {
    const tell = ({ child }: RunningShard) =>
      level === undefined ? child.signal(resumeSignal) : child.signal(pauseSignal, { by: 'batch', level });
    await Promise.allSettled([...this.running.values()].map(tell));
  }

  async setConcurrency(value: number): Promise<void> {
    if (this.sharesAnew) return this.shareOut();
    const share = Math.max(1, Math.floor(value / Math.max(1, this.running.size)));
    const tell = ({ child }: RunningShard) => child.signal(setConcurrencySignal, share);
    await Promise.allSettled([...this.running.values()].map(tell));
  }

  /** S2 */
  setAside({ shard: index, back }: ShardAside): void {
    if (back) this.aside.delete(index);
    else this.aside.add(index);
    void this.shareOut();
  }

  private get atWork(): RunningShard[] {
    return [...this.running.values()].filter(({ slice }) => !this.aside.has(slice.index));
  }

  private hasRoom(): boolean {
    const atOnce = this.lanes.isCanaryOver ? this.atOnce : 1; // S4
    return this.atWork.length < atOnce && this.running.size < SHARDS_UNDER_WAY_MAX;
  }

  /** S1, in the order of their start: for those at work, the one that is being started, and those that could be. */
  private shares(): number[] {
    const atWork = this.atWork.length + this.starting;
    const hasPlace = this.running.size + this.starting < SHARDS_UNDER_WAY_MAX;
    const soon = Math.min(this.atOnce, atWork + (hasPlace ? this.pending.length : 0));
    return sharesOf(this.lanes.concurrency, Math.max(atWork, soon));
  }

  private async shareOut(): Promise<void> {
    if (!this.sharesAnew) return;
    const all = [...this.running.values()];
    const shares = this.shares();
    // Where nothing else is to be done, they have all lanes again.
    const isAllAside = shares.length === 0;
    const [sharing, each] = isAllAside
      ? [all, sharesOf(this.lanes.concurrency, all.length)]
      : [this.atWork, shares];
    const told = all.map(async (running) => {
      const share = each[sharing.indexOf(running)] ?? 0;
      if (running.share === share) return;
      if (this.aside.has(running.slice.index) && !patched(SHARES_OF_ASIDES)) return;
      running.share = share;
      await running.child.signal(setConcurrencySignal, share);
    });
    await Promise.allSettled(told); // one that has just ended needs none
  }

  private async start(slice: Slice): Promise<RunningShard> {
    const { name, batchKey } = parseBatchWorkflowId(this.batchId) ?? {
      name: this.batch.name,
      batchKey: this.batch.key,
    };
    this.starting = 1;
    const share = this.sharesAnew
      ? (this.shares()[this.atWork.length] ?? 0)
      : Math.max(1, Math.floor(this.lanes.concurrency / this.atOnce));
    const child = await startChild(shard, {
      workflowId: shardWorkflowId({ name, batchKey, shard: slice.index }),
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
      args: [
        {
          batch: this.batch,
          batchId: this.batchId,
          slice,
          concurrency: share, // S1
          ...(this.lanes.pauseLevel !== undefined && { held: this.lanes.pauseLevel }),
          // No more shards than that begin jobs at one time.
          ...(this.batch.paceMs !== undefined && { paceMs: this.batch.paceMs * this.atOnce }),
          ...(!this.lanes.isCanaryOver && { canary: this.batch.canary }), // S4
        },
      ],
      // Which jobs a shard holds differs from run to run; what was done is told by the jobs, not by the shard.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      parentClosePolicy: 'TERMINATE',
      staticSummary: `jobs ${slice.from + 1} to ${slice.from + slice.count}`,
    });
    const running: RunningShard = { slice, child, share };
    this.running.set(slice.index, running);
    this.starting = 0;
    void this.shareOut(); // its share may be another one by now
    return running;
  }

  private async settle({ slice, child }: RunningShard): Promise<void> {
    try {
      this.take(await child.result());
    } catch (error) {
      if (isCancellation(error)) throw error;
      const summary = summaryOf(error);
      if (!summary) throw error;
      this.take(summary);
    } finally {
      this.running.delete(slice.index);
      void this.shareOut();
      this.onChange();
    }
  }

  private take(summary: ShardSummary): void {
    this.tally.merge(summary);
    this.unstarted += summary.waiting;
    this.left += summary.aside ?? 0;
    if (summary.stoppedBy) this.lanes.stop(summary.stoppedBy); // S3
  }
}

function summaryOf(error: unknown): ShardSummary | undefined {
  if (!(error instanceof ChildWorkflowFailure) || !(error.cause instanceof ApplicationFailure))
    return undefined;
  return error.cause.type === FAILURE.shardIncomplete
    ? (error.cause.details?.[0] as ShardSummary)
    : undefined;
}
