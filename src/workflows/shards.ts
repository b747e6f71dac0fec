import { ApplicationFailure, ChildWorkflowFailure } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  isCancellation,
  startChild,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { PauseLevel } from '../contract/holds.js';
import {
  WORKFLOW_TASK_TIMEOUT_MS,
  shardSummarySchema,
  type BatchInput,
  type ShardSummary,
  type Slice,
} from '../contract/messages.js';
import { shardWorkflowId, parseBatchWorkflowId } from '../identity/workflow-ids.js';
import { shardsAtOnce } from '../policy/shards.js';
import type { Lanes } from './lanes.js';
import { pauseSignal, resumeSignal, setConcurrencySignal } from './messages.js';
import { shard } from './shard.js';
import type { Tally } from './tally.js';

type RunningShard = ChildWorkflowHandle<typeof shard>;

/**
 * Carries the jobs of a large batch by shards, a few at once, so that no history grows with the batch.
 *
 *  S1. The jobs in progress over all shards never exceed the batch's concurrency.
 *  S2. A shard ends with its last job; trouble that stops one shard's admission stops the batch's.
 */
export class Shards {
  private readonly running = new Map<number, { readonly slice: Slice; readonly child: RunningShard }>();
  private pending: Slice[] = [];
  private unstarted = 0;

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

  /** Rejects when cancelled, after the shards have ended. */
  async run(slices: readonly Slice[]): Promise<void> {
    this.pending = [...slices];
    const ends: Promise<void>[] = [];
    const atOnce = shardsAtOnce(this.lanes.concurrency, slices.length);
    try {
      while (this.pending.length > 0) {
        await condition(
          () => this.lanes.stoppedBy !== undefined || (!this.lanes.isPaused && this.running.size < atOnce),
        );
        if (this.lanes.stoppedBy) break;
        const slice = this.pending.shift();
        if (!slice) break;
        const end = this.settle(slice, await this.start(slice, atOnce));
        end.catch(() => undefined); // awaited below; until then its failure is nobody's
        ends.push(end);
      }
      await Promise.all(ends);
    } finally {
      await CancellationScope.nonCancellable(() => Promise.allSettled(ends));
    }
  }

  async setPaused(level: PauseLevel | undefined): Promise<void> {
    const tell = ({ child }: { child: RunningShard }) =>
      level === undefined ? child.signal(resumeSignal) : child.signal(pauseSignal, { by: 'batch', level });
    await Promise.allSettled([...this.running.values()].map(tell));
  }

  async setConcurrency(value: number): Promise<void> {
    const share = Math.max(1, Math.floor(value / Math.max(1, this.running.size)));
    const tell = ({ child }: { child: RunningShard }) => child.signal(setConcurrencySignal, share);
    await Promise.allSettled([...this.running.values()].map(tell));
  }

  private async start(slice: Slice, atOnce: number): Promise<RunningShard> {
    const { name, batchKey } = parseBatchWorkflowId(this.batchId) ?? {
      name: this.batch.name,
      batchKey: this.batch.key,
    };
    const child = await startChild(shard, {
      workflowId: shardWorkflowId({ name, batchKey, shard: slice.index }),
      workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
      args: [
        {
          batch: this.batch,
          batchId: this.batchId,
          slice,
          concurrency: Math.max(1, Math.floor(this.lanes.concurrency / atOnce)), // S1
          ...(this.lanes.pauseLevel !== undefined && { held: this.lanes.pauseLevel }),
        },
      ],
      // Which jobs a shard holds differs from run to run; what was done is told by the jobs, not by the shard.
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      parentClosePolicy: 'TERMINATE',
      staticSummary: `jobs ${slice.from + 1} to ${slice.from + slice.count}`,
    });
    this.running.set(slice.index, { slice, child });
    return child;
  }

  private async settle(slice: Slice, child: RunningShard): Promise<void> {
    try {
      this.take(await child.result());
    } catch (error) {
      if (isCancellation(error)) throw error;
      const summary = summaryOf(error);
      if (!summary) throw error;
      this.take(summary);
    } finally {
      this.running.delete(slice.index);
      this.onChange();
    }
  }

  private take(summary: ShardSummary): void {
    this.tally.merge(summary);
    this.unstarted += summary.waiting;
    if (summary.stoppedBy) this.lanes.stop(summary.stoppedBy); // S2
  }
}

function summaryOf(error: unknown): ShardSummary | undefined {
  if (!(error instanceof ChildWorkflowFailure) || !(error.cause instanceof ApplicationFailure))
    return undefined;
  return shardSummarySchema.safeParse(error.cause.details?.[0]).data;
}
