import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { PauseLevel } from '../contract/holds.js';
import type { JobOutcome } from '../contract/job-outcome.js';
import type { AwayFor, BatchInput, JobEndSeen, SetAside, Ticket, Trouble } from '../contract/messages.js';
import { isDecided, stopsAdmission } from '../policy/admission.js';
import { admitsNext, afterEnd, begun, canaryOf, didWell, isOver, type Canary } from '../policy/canary.js';
import { holdsJobs } from '../policy/hold.js';
import { laneSignal, pauseSignal, resumeSignal } from './messages.js';
import { runJob, type StartedJob } from './run-job.js';
import type { Tally } from './tally.js';

/** Jobs of no site that may wait for destinations of theirs at one time. */
const OF_NO_SITE_MAX = 100;

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
  /** L3 */
  ended(end: JobEndSeen): void;
  /** Whether nothing is to be begun for a while; absent: never. */
  standsStill?(): boolean;
  /** L4. @param admittedAt when the job was admitted that failed; milliseconds since the epoch */
  canaryFailed(why: string, admittedAt: number): void;
  canaryOver?(): void;
  change?(): void;
}

/**
 * Starts jobs, so many at once, and settles each. Serves a batch and a shard alike.
 *
 *  L1. One job's end never decides another's. Only trouble that would hit every job the same way (credentials,
 *      configuration, exhausted quota) stops admission.
 *  L2. Paused: nothing is admitted, and the jobs under way are told where they are to wait at their next step.
 *  L3. Whoever has the lanes is told how each job ended, but for what a person decided, and counts (`StopLoss`). One that
 *      waits for a person has done well so far: nobody may be there before morning.
 *  L4. While there is a canary, no other job is begun; when it fails nothing more is, and whoever has the lanes is told.
 *  L5. Where there is a pace, no two jobs begin within less than that.
 *  L6. A job that waits for a person, something of its site, or an agent that takes nothing, takes no lane. One that is
 *      back waits for a lane, before any that is not begun yet.
 *  L7. No job is begun that would wait likewise: none of a site for something of which another one waits, none at all
 *      where one waits for its agent. Jobs of no site may have a destination each: so many are begun, and no more.
 *  L8. Where admission is stopped nothing is waited for but work: jobs that wait for a person are left to the next run.
 */
export class Lanes {
  private readonly queue: Ticket[] = [];
  private readonly inFlight = new Map<string, StartedJob | undefined>();
  /** Those of them that take no lane, and what they wait for. */
  private readonly aside = new Map<string, AwayFor>();
  /** Those of them that wait for a lane, for they can go on. */
  private back: string[] = [];
  /** Those that another batch has started. */
  private readonly joined = new Set<string>();
  private readonly siteOf = new Map<string, string | undefined>();
  /** In the order of their admission: the first is the slowest. */
  private readonly admitted = new Map<string, InProgress>();
  /** Those under way of which was told that they did well, for they wait for a person. */
  private readonly toldWell = new Set<string>();
  private paused: PauseLevel | undefined;
  private stopped: Trouble | undefined;
  private lastResumedAt = 0;
  private canary: Canary;
  private readonly paceMs: number | undefined;
  private atOnce: number;

  constructor(
    private readonly batch: BatchInput,
    private readonly batchId: string,
    private readonly tally: Tally,
    { concurrency, paused, canary, paceMs }: LanesOptions,
    private readonly told: LanesTold,
  ) {
    this.atOnce = concurrency;
    this.paused = paused;
    this.canary = canaryOf(canary);
    this.paceMs = paceMs;
  }

  /** Whether the job is under way here, or has its turn still before it. */
  has(key: string): boolean {
    return this.inFlight.has(key) || this.queue.some((ticket) => ticket.key === key);
  }

  isUnderWay(key: string): boolean {
    return this.inFlight.has(key);
  }

  get concurrency(): number {
    return this.atOnce;
  }

  set concurrency(value: number) {
    this.atOnce = value;
    this.giveLanes();
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

  /** Nothing can be begun, and all that is under way waits, and needs no lane. */
  get isAside(): boolean {
    return (
      this.inFlight.size > 0 && this.atWork === 0 && !this.hasNext && this.ownAside('agent').length === 0
    );
  }

  /** Whether there is a job that could be begun, if it were allowed. */
  get hasNext(): boolean {
    return this.nextAt() >= 0;
  }

  get isPaused(): boolean {
    return this.paused !== undefined;
  }

  get pauseLevel(): PauseLevel | undefined {
    return this.paused;
  }

  /** When it last went on after a pause; milliseconds since the epoch, 0 for never. */
  get resumedAt(): number {
    return this.lastResumedAt;
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
    if (this.isPaused && level === undefined) this.lastResumedAt = Date.now();
    this.paused = level;
    const signal = holdsJobs(level) ? pauseSignal : resumeSignal;
    // A job that has just ended can't be told, and need not be.
    await Promise.allSettled(
      [...this.inFlight.values()].flatMap((child) => (child ? [child.signal(signal)] : [])),
    ); // L2
  }

  /** L6 */
  setAside({ key, waiting, asks, for: why = 'person' }: SetAside): void {
    if (!asks) this.back = this.back.filter((one) => one !== key); // whatever it said before
    if (waiting && this.inFlight.has(key)) {
      this.aside.set(key, why);
      // What another batch has made says nothing of this one's agent.
      if (why === 'person' && !this.joined.has(key)) this.hasDoneWell(key);
    } else if (asks && this.inFlight.has(key)) {
      if (!this.back.includes(key)) this.back.push(key);
      this.giveLanes();
    } else this.aside.delete(key);
    this.told.change?.();
  }

  /** Its artifact is made, and has passed the checks. */
  private hasDoneWell(key: string): void {
    this.setCanary(didWell(this.canary, key));
    const { sinceMs } = this.admitted.get(key) ?? {};
    if (sinceMs === undefined || this.toldWell.has(key)) return;
    this.toldWell.add(key);
    this.told.ended({ atMs: Date.now(), admittedAtMs: sinceMs });
  }

  /** A shard all of whose jobs waited has no share any more: it takes them back one by one. */
  private giveLanes(): void {
    while (this.back.length > 0 && this.atWork < Math.max(1, this.atOnce)) {
      const key = this.back.shift() ?? '';
      this.aside.delete(key);
      this.inFlight
        .get(key)
        ?.signal(laneSignal)
        .catch(() => undefined); // it has ended meanwhile
    }
  }

  private get atWork(): number {
    return this.inFlight.size - this.aside.size;
  }

  /** L7. Place in the queue of the next job that could be begun; -1: none. */
  private nextAt(): number {
    if (this.ownAside('agent').length > 0) return -1;
    const sites = this.ownAside('site').map((key) => this.siteOf.get(key));
    const ofNone = sites.filter((site) => site === undefined).length;
    const passed = new Set(sites.filter((site) => site !== undefined));
    return this.queue.findIndex(({ site }) =>
      site === undefined ? ofNone < OF_NO_SITE_MAX : !passed.has(site),
    );
  }

  /** Runs until no job is left and none is under way. Rejects when cancelled, after the jobs have ended. */
  async run(): Promise<void> {
    const running: Promise<void>[] = [];
    let leaves = false; // L8
    try {
      for (;;) {
        await condition(() => this.isIdle() || this.isLeft || this.mayAdmit());
        leaves = this.isLeft;
        if (leaves || this.isIdle()) return;
        const [ticket] = this.queue.splice(this.nextAt(), 1);
        if (ticket) running.push(this.carryOut(ticket));
        if (this.paceMs !== undefined && this.queue.length > 0)
          await condition(() => this.stopped !== undefined, this.paceMs); // L5
      }
    } finally {
      // Cancelled: the jobs were cancelled with us, and have effects to finish.
      if (!leaves) await CancellationScope.nonCancellable(() => Promise.allSettled(running));
    }
  }

  /** L8. All that is under way waits for a person, and nothing more is begun. */
  private get isLeft(): boolean {
    if (this.stopped === undefined || this.inFlight.size === 0 || this.atWork > 0) return false;
    return [...this.aside.values()].every((why) => why === 'person' || why === 'pause');
  }

  /** What a joined job waits for may be its own batch's business. */
  private ownAside(why: AwayFor): string[] {
    return [...this.aside].flatMap(([key, of]) => (of === why && !this.joined.has(key) ? [key] : []));
  }

  /** L4 */
  private seeCanary(ticket: Ticket, outcome: JobOutcome, admittedAt: number): void {
    const { canary, failure } = afterEnd(this.canary, ticket, outcome);
    this.setCanary(canary);
    if (failure === undefined || this.isPaused || this.queue.length === 0) return;
    this.hold();
    this.told.canaryFailed(failure, admittedAt);
  }

  private setCanary(canary: Canary): void {
    const isEnd = isOver(canary) && !this.isCanaryOver;
    this.canary = canary;
    if (isEnd) this.told.canaryOver?.();
  }

  /** L3 */
  private tellEnd({ key }: Ticket, outcome: JobOutcome, admittedAtMs: number): void {
    const end = { atMs: Date.now(), admittedAtMs };
    if (outcome.state === 'done') {
      if (!this.toldWell.has(key)) this.told.ended(end);
    } else if ('trouble' in outcome && outcome.state !== 'gated' && !isDecided(outcome))
      this.told.ended({ ...end, errorClass: outcome.trouble.errorClass });
  }

  private isIdle(): boolean {
    return this.inFlight.size === 0 && (!this.hasNext || this.stopped !== undefined);
  }

  private mayAdmit(): boolean {
    return (
      !this.isPaused &&
      !this.stopped &&
      admitsNext(this.canary) &&
      this.atWork < this.atOnce &&
      this.hasNext &&
      this.told.standsStill?.() !== true
    );
  }

  private async carryOut(ticket: Ticket): Promise<void> {
    const admittedAt = Date.now();
    this.inFlight.set(ticket.key, undefined);
    this.siteOf.set(ticket.key, ticket.site);
    this.admitted.set(ticket.key, { key: ticket.key, title: ticket.title, sinceMs: admittedAt });
    this.canary = begun(this.canary, ticket.key);
    this.told.change?.();
    try {
      const told = {
        started: (child: StartedJob, isJoined: boolean) => {
          this.inFlight.set(ticket.key, child);
          if (isJoined) this.joined.add(ticket.key);
          else this.joined.delete(ticket.key);
        },
        joinedHasEnded: () => void this.aside.delete(ticket.key),
      };
      const outcome = await runJob(this.batch, this.batchId, ticket, holdsJobs(this.paused), told);
      this.tally.add(ticket, outcome);
      this.stopped ??= stopsAdmission(outcome); // L1
      this.seeCanary(ticket, outcome, admittedAt);
      this.tellEnd(ticket, outcome, admittedAt);
    } catch (error) {
      if (!isCancellation(error)) throw error;
      const outcome = { state: 'cancelled' } as const;
      this.tally.add(ticket, outcome);
      this.seeCanary(ticket, outcome, admittedAt);
    } finally {
      this.inFlight.delete(ticket.key);
      this.aside.delete(ticket.key);
      this.toldWell.delete(ticket.key);
      this.back = this.back.filter((one) => one !== ticket.key);
      this.admitted.delete(ticket.key);
      this.joined.delete(ticket.key);
      this.siteOf.delete(ticket.key);
      this.giveLanes();
      this.told.change?.();
    }
  }
}
