import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { PauseLevel } from '../contract/holds.js';
import type { JobOutcome } from '../contract/job-outcome.js';
import type { BatchInput, SetAside, Ticket, Trouble } from '../contract/messages.js';
import { isDecided, stopsAdmission } from '../policy/admission.js';
import { admitsNext, afterEnd, begun, canaryOf, didWell, isOver, type Canary } from '../policy/canary.js';
import { holdsJobs } from '../policy/hold.js';
import { seen, stopLoss, type JobEndSeen } from '../policy/stop-loss.js';
import { pauseSignal, resumeSignal } from './messages.js';
import { runJob, type StartedJob } from './run-job.js';
import type { Tally } from './tally.js';

/** A job under way, for people. */
export interface InProgress {
  readonly key: string;
  readonly title: string;
  readonly sinceMs: number;
}

export interface LanesOptions {
  readonly concurrency: number;
  readonly paused?: PauseLevel | undefined;
  /** Jobs that go first; absent: none. */
  readonly canary?: number | undefined;
  /** Least time between the starts of two jobs; absent: none. */
  readonly paceMs?: number | undefined;
}

/** What whoever has the lanes is told. */
export interface LanesTold {
  /** L3, L4. @param admittedAt when the job was admitted whose end was one too many; milliseconds since the epoch */
  stopLoss(why: string, admittedAt: number): void;
  canaryOver?(): void;
  change?(): void;
}

/**
 * Starts jobs, so many at once, and settles each. Serves a batch and a shard alike.
 *
 *  L1. One job's end never decides another's. Only trouble that would hit every job the same way (credentials,
 *      configuration, exhausted quota) stops admission.
 *  L2. Paused: nothing is admitted, and the jobs under way are told where they are to wait at their next step.
 *  L3. Too many failures: whoever owns the batch is told once, and pauses it. A resume begins a new count.
 *  L4. While there is a canary, no other job is begun; when it fails, that is as too many failures.
 *  L5. Where there is a pace, no two jobs begin within less than that.
 */
export class Lanes {
  private readonly queue: Ticket[] = [];
  private readonly inFlight = new Map<string, StartedJob | undefined>();
  /** Those of them that wait for a person. */
  private readonly aside = new Set<string>();
  /** In the order of their admission: the first is the slowest. */
  private readonly admitted = new Map<string, InProgress>();
  private paused: PauseLevel | undefined;
  private stopped: Trouble | undefined;
  private ends: readonly JobEndSeen[] = [];
  private endsCountFrom = 0;
  private canary: Canary;
  private readonly paceMs: number | undefined;
  concurrency: number;

  constructor(
    private readonly batch: BatchInput,
    private readonly batchId: string,
    private readonly tally: Tally,
    { concurrency, paused, canary, paceMs }: LanesOptions,
    private readonly told: LanesTold,
  ) {
    this.concurrency = concurrency;
    this.paused = paused;
    this.canary = canaryOf(canary);
    this.paceMs = paceMs;
  }

  /** Whether the job is under way here, or has its turn still before it. */
  has(key: string): boolean {
    return this.inFlight.has(key) || this.queue.some((ticket) => ticket.key === key);
  }

  get inFlightCount(): number {
    return this.inFlight.size;
  }

  /** Jobs under way, longest first. */
  longest(limit: number): InProgress[] {
    return [...this.admitted.values()].slice(0, limit);
  }

  get waiting(): number {
    return this.queue.length;
  }

  /** Nothing is left to begin, and all that is under way waits for a person. */
  get isAside(): boolean {
    return this.queue.length === 0 && this.inFlight.size > 0 && this.inFlight.size === this.aside.size;
  }

  get isPaused(): boolean {
    return this.paused !== undefined;
  }

  get pauseLevel(): PauseLevel | undefined {
    return this.paused;
  }

  /** Also where there is none. */
  get isCanaryOver(): boolean {
    return isOver(this.canary);
  }

  get stoppedBy(): Trouble | undefined {
    return this.stopped;
  }

  add(tickets: readonly Ticket[]): void {
    for (const ticket of tickets) this.queue.push(ticket);
  }

  /** Nothing more is admitted; jobs under way end as they will. */
  stop(trouble: Trouble): void {
    this.stopped ??= trouble;
  }

  /** It did well elsewhere. */
  endCanary(): void {
    this.setCanary(canaryOf());
    this.told.change?.();
  }

  /** Nothing is admitted until `setPaused(undefined)`. */
  hold(): void {
    this.paused ??= 'admit';
  }

  async setPaused(level: PauseLevel | undefined): Promise<void> {
    if (this.isPaused && level === undefined) this.endsCountFrom = Date.now();
    this.paused = level;
    const signal = holdsJobs(level) ? pauseSignal : resumeSignal;
    // A job that has just ended can't be told, and need not be.
    await Promise.allSettled(
      [...this.inFlight.values()].flatMap((child) => (child ? [child.signal(signal)] : [])),
    ); // L2
  }

  /** A job that waits for a person, for days perhaps, takes no lane. */
  setAside({ key, waiting }: SetAside): void {
    if (waiting && this.inFlight.has(key)) {
      this.aside.add(key);
      this.setCanary(didWell(this.canary, key));
    } else this.aside.delete(key);
    this.told.change?.();
  }

  /** Runs until no job is left and none is under way. Rejects when cancelled, after the jobs have ended. */
  async run(): Promise<void> {
    const running: Promise<void>[] = [];
    try {
      for (;;) {
        await condition(() => this.isIdle() || this.mayAdmit());
        if (this.isIdle()) return;
        const ticket = this.queue.shift();
        if (ticket) running.push(this.carryOut(ticket));
        if (this.paceMs !== undefined && this.queue.length > 0)
          await condition(() => this.stopped !== undefined, this.paceMs); // L5
      }
    } finally {
      // Cancelled: the jobs were cancelled with us, and have effects to finish.
      await CancellationScope.nonCancellable(() => Promise.allSettled(running));
    }
  }

  /** L4 */
  private seeCanary(ticket: Ticket, outcome: JobOutcome, admittedAt: number): void {
    const { canary, failure } = afterEnd(this.canary, ticket, outcome);
    this.setCanary(canary);
    if (failure === undefined || this.isPaused || this.queue.length === 0) return;
    this.hold();
    this.told.stopLoss(failure, admittedAt);
  }

  private setCanary(canary: Canary): void {
    const isEnd = isOver(canary) && !this.isCanaryOver;
    this.canary = canary;
    if (isEnd) this.told.canaryOver?.();
  }

  /** L3 */
  private count(admittedAt: number, trouble?: Trouble): void {
    const rules = this.batch.stopLoss ?? [];
    // A job that was under way when a person said "go on" tells nothing of what they have mended.
    if (rules.length === 0 || admittedAt < this.endsCountFrom) return;
    const atMs = Date.now();
    const end = trouble === undefined ? { atMs } : { atMs, errorClass: trouble.errorClass };
    this.ends = seen(this.ends, end, rules);
    if (this.isPaused || this.queue.length === 0) return;
    const why = stopLoss(this.ends, rules, atMs, this.endsCountFrom);
    if (why === undefined) return;
    this.hold();
    this.told.stopLoss(why, admittedAt);
  }

  private isIdle(): boolean {
    return this.inFlight.size === 0 && (this.queue.length === 0 || this.stopped !== undefined);
  }

  private mayAdmit(): boolean {
    return (
      !this.isPaused &&
      !this.stopped &&
      this.queue.length > 0 &&
      admitsNext(this.canary) &&
      this.inFlight.size - this.aside.size < this.concurrency
    );
  }

  private async carryOut(ticket: Ticket): Promise<void> {
    const admittedAt = Date.now();
    this.inFlight.set(ticket.key, undefined);
    this.admitted.set(ticket.key, { key: ticket.key, title: ticket.title, sinceMs: admittedAt });
    this.canary = begun(this.canary, ticket.key);
    this.told.change?.();
    try {
      const onStarted = (child: StartedJob) => void this.inFlight.set(ticket.key, child);
      const outcome = await runJob(this.batch, this.batchId, ticket, holdsJobs(this.paused), onStarted);
      this.tally.add(ticket, outcome);
      this.stopped ??= stopsAdmission(outcome); // L1
      this.seeCanary(ticket, outcome, admittedAt);
      if (outcome.state === 'done') this.count(admittedAt);
      else if ('trouble' in outcome && outcome.state !== 'gated' && !isDecided(outcome))
        this.count(admittedAt, outcome.trouble);
    } catch (error) {
      if (!isCancellation(error)) throw error;
      const outcome = { state: 'cancelled' } as const;
      this.tally.add(ticket, outcome);
      this.seeCanary(ticket, outcome, admittedAt);
    } finally {
      this.inFlight.delete(ticket.key);
      this.aside.delete(ticket.key);
      this.admitted.delete(ticket.key);
      this.told.change?.();
    }
  }
}
