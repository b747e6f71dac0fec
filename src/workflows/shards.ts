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
  FAILURE,
  WORKFLOW_TASK_TIMEOUT_MS,
  type BatchInput,
  type JobEndSeen,
  type ShardAside,
  type ShardEnds,
  type ShardSummary,
  type Slice,
  type StoredSlice,
  type Ticket,
} from '../contract/messages.js';
import { shardWorkflowId, parseBatchWorkflowId } from '../identity/workflow-ids.js';
import { SHARDS_UNDER_WAY_MAX, sharesOf, shardsAtOnce } from '../policy/shards.js';
import type { Lanes } from './lanes.js';
import { pauseSignal, resumeSignal, setConcurrencySignal, stopSignal, tellEndsSignal } from './messages.js';
import { shard } from './shard.js';
import type { Tally } from './tally.js';

/** A shard that does not answer for as long has no worker that could, or is broken: the others are not kept waiting. */
const ANSWER_MS = 10_000;

interface RunningShard {
  readonly slice: Slice;
  readonly child: ChildWorkflowHandle<typeof shard>;
  /** Of the concurrency, as it was last told. */
  share: number;
  /** Jobs that it has parked, and that were given a new try since: another shard has them. */
  readonly given: Set<string>;
}

/** What whoever has the shards is told. */
export interface ShardsTold {
  /** S6 */
  ended(ends: readonly JobEndSeen[]): void;
  change(): void;
}

/**
 * Carries the jobs of a large batch by shards, a few at once, so that no history grows with the batch.
 *
 *  S1. The jobs in progress over all shards never exceed the batch's concurrency, but for S2, and for those under way
 *      where a share was cut, for one had something to begin again.
 *  S2. Shards whose jobs all wait leave their lanes to others. While these are at work, each takes them back one by one.
 *  S3. A shard ends with its last job; trouble that stops one shard's admission stops the batch's, and so that of all.
 *  S4. While there is a canary, one shard is at work, which carries it; the others begin when it says that it did well.
 *  S5. Jobs that are given a new try are one more shard: they wait for their turn, not for the end of all others.
 *  S6. Each end of a job is told to the batch once: by a message of its shard, or with the shard's own end.
 */
export class Shards {
  private readonly running = new Map<number, RunningShard>();
  /** Indexes of those that can begin nothing, and whose jobs all wait; one may say so before its start was heard of. */
  private readonly aside = new Set<number>();
  /** Jobs that each could still begin when it last told, by its index. */
  private readonly waitingIn = new Map<number, number>();
  /** Indexes of those that were asked for their ends, and have not told yet. */
  private readonly asked = new Set<number>();
  /** So far; the next one's index. */
  private count = 0;
  private atOnce = 1;
  private starting: 0 | 1 = 0;
  private readonly pending: Slice[] = [];
  private underWay = false;
  private unstarted = 0;
  private left = 0;

  constructor(
    private readonly batch: BatchInput,
    private readonly batchId: string,
    private readonly tally: Tally,
    private readonly lanes: Lanes,
    private readonly told: ShardsTold,
  ) {}

  /** Shards report when they end: until then, all their jobs count as in progress, also one that another shard has now. */
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

  /** Whether there are any, and one that is added will be run. */
  get areUnderWay(): boolean {
    return this.underWay && this.count > 0;
  }

  /** Whether a job is left to begin, as far as was told: it is begun without a word. */
  get haveNext(): boolean {
    if (this.pending.length > 0 || this.starting > 0) return true;
    return [...this.running.values()].some(
      ({ slice }) => (this.waitingIn.get(slice.index) ?? slice.count) > 0,
    );
  }

  /** Whether there may be ends that nobody has told yet. */
  get areSilent(): boolean {
    return this.running.size > 0;
  }

  open(slices: readonly StoredSlice[]): void {
    this.pending.push(...slices);
    this.count = slices.length;
    this.atOnce = shardsAtOnce(this.lanes.concurrency, this.count);
  }

  /** S5 */
  add(tickets: readonly Ticket[]): void {
    const count = tickets.length;
    if (count === 0) return;
    this.pending.push({ index: this.count++, tickets, from: 0, count });
    // What those under way were given of a pace counts on so many of them.
    if (this.batch.paceMs === undefined) this.atOnce = shardsAtOnce(this.lanes.concurrency, this.count);
    for (const { given } of this.running.values()) for (const { key } of tickets) given.add(key);
  }

  /** Runs until none is pending and none is under way. Rejects when cancelled, after the shards have ended. */
  async run(): Promise<void> {
    const ends: Promise<void>[] = [];
    this.underWay = true;
    try {
      for (;;) {
        await condition(() => this.isOver || this.mayStart);
        const slice = this.isOver ? undefined : this.pending.shift();
        if (!slice) break;
        const end = this.settle(await this.start(slice));
        end.catch(() => undefined); // awaited below; until then its failure is nobody's
        ends.push(end);
      }
      this.underWay = false;
      await this.stop();
      await Promise.all(ends);
    } finally {
      await CancellationScope.nonCancellable(() => Promise.allSettled(ends));
    }
  }

  /** Whether none will be started any more. */
  private get isOver(): boolean {
    return this.lanes.stoppedBy !== undefined || (this.pending.length === 0 && this.running.size === 0);
  }

  private get mayStart(): boolean {
    return this.pending.length > 0 && !this.lanes.isPaused && this.hasRoom();
  }

  /** S3 */
  private async stop(): Promise<void> {
    const { stoppedBy } = this.lanes;
    if (!stoppedBy || this.running.size === 0) return;
    const tell = ({ child }: RunningShard) => child.signal(stopSignal, stoppedBy);
    await Promise.allSettled([...this.running.values()].map(tell));
  }

  async setPaused(level: PauseLevel | undefined): Promise<void> {
    const tell = ({ child }: RunningShard) =>
      level === undefined ? child.signal(resumeSignal) : child.signal(pauseSignal, { by: 'batch', level });
    await Promise.allSettled([...this.running.values()].map(tell));
  }

  /** S2 */
  setAside({ shard: index, back }: ShardAside): void {
    if (back) this.aside.delete(index);
    else this.aside.add(index);
    void this.shareOut();
  }

  /** One may tell before its start was heard of. */
  hear({ shard: index, ends, waiting }: ShardEnds): void {
    this.waitingIn.set(index, waiting);
    this.asked.delete(index);
    this.told.ended(ends);
  }

  /**
   * Asks how their jobs have ended so far, and gives them a while to answer.
   * @returns whether all have, or have ended themselves
   */
  async askEnds(): Promise<boolean> {
    this.asked.clear();
    for (const index of this.running.keys()) this.asked.add(index);
    const ask = ({ child }: RunningShard) => child.signal(tellEndsSignal);
    await Promise.allSettled([...this.running.values()].map(ask));
    return condition(() => this.asked.size === 0, ANSWER_MS);
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

  /** S1, S2. To be called when the concurrency has changed, too. */
  async shareOut(): Promise<void> {
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
    this.waitingIn.delete(slice.index); // a batch that was reset may have heard of an earlier run of it
    const share = this.shares()[this.atWork.length] ?? 0;
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
      staticSummary:
        typeof slice.tickets === 'string'
          ? `jobs ${slice.from + 1} to ${slice.from + slice.count}`
          : `new tries: ${slice.count}`,
    });
    const running: RunningShard = { slice, child, share, given: new Set() };
    this.running.set(slice.index, running);
    this.starting = 0;
    void this.shareOut(); // its share may be another one by now
    return running;
  }

  private async settle(running: RunningShard): Promise<void> {
    const { index } = running.slice;
    let summary: ShardSummary;
    try {
      summary = await summaryOf(running);
      this.take(summary);
    } finally {
      this.running.delete(index);
      this.waitingIn.delete(index);
      this.asked.delete(index);
      void this.shareOut();
      this.told.change();
    }
    this.told.ended(summary.ends ?? []); // S6
  }

  private take(summary: ShardSummary): void {
    this.tally.merge(summary);
    this.unstarted += summary.waiting;
    this.left += summary.aside ?? 0;
    if (summary.stoppedBy) this.lanes.stop(summary.stoppedBy); // S3
  }
}

async function summaryOf({ child, given }: RunningShard): Promise<ShardSummary> {
  try {
    return await child.result();
  } catch (error) {
    const summary = isCancellation(error) ? undefined : summaryIn(error);
    if (!summary) throw error;
    return without(given, summary);
  }
}

/** What it says of jobs that another shard has now, says nothing any more. */
function without(given: ReadonlySet<string>, summary: ShardSummary): ShardSummary {
  const unfinished = summary.unfinished.filter(({ key }) => !given.has(key));
  const gone = (state: string) =>
    summary.unfinished.filter((job) => given.has(job.key) && job.state === state).length;
  const { parked, held, cancelled } = summary;
  return {
    ...summary,
    unfinished,
    parked: parked - gone('parked'),
    held: held - gone('held'),
    cancelled: cancelled - gone('cancelled'),
  };
}

function summaryIn(error: unknown): ShardSummary | undefined {
  if (!(error instanceof ChildWorkflowFailure) || !(error.cause instanceof ApplicationFailure))
    return undefined;
  return error.cause.type === FAILURE.shardIncomplete
    ? (error.cause.details?.[0] as ShardSummary)
    : undefined;
}
