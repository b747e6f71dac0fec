import {
  CancellationScope,
  allHandlersFinished,
  condition,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { ApprovalAnswer, JobRef, Joiner, NotNow, Timing, TriedBefore } from '../contract/messages.js';
import { HOUR_MS } from '../contract/units.js';
import { batchActivities } from './activity-options.js';
import type { JobDetails } from './job-details.js';
import { JobLane } from './job-lane.js';
import {
  approvalAnswerOf,
  approveSignal,
  decidedSignal,
  pauseSignal,
  rejectSignal,
  resumeSignal,
} from './messages.js';

/** What got lost on its way is found at the latest after this time: an answer, or the end of a pause. */
const ASK_AGAIN_MS = HOUR_MS;

/** What a step is told of its earlier calls. */
export interface Before {
  /** How often in a row it has said "wait". */
  readonly waits: number;
  /** What it said of its tries then. */
  readonly tried: TriedBefore | undefined;
  /** The job has no lane: it is only to find out whether it could go on. */
  readonly looks: boolean;
}

type Call<T> = (before: Before) => Promise<T | NotNow>;

type Step = { readonly kind: string };

/** What whoever has the gate decides of its job. */
export interface GateOptions {
  readonly job: Pick<JobRef, 'work' | 'key'>;
  readonly timing: Timing;
  readonly details: JobDetails;
  readonly paused: boolean;
  /** Those who wait for it, beside the batch that started it. */
  readonly joinedBy: readonly Joiner[];
  /** Begins a new history (`job`, J5). Never returns. */
  readonly goOnAnew: (paused: boolean, joinedBy: readonly Joiner[]) => Promise<never>;
}

/** Where a job stands still before its steps: for a pause, for what a step waits for, or for a person's answer. */
export class Gate {
  private readonly lane: JobLane;
  private paused: boolean;
  private resumes = 0;
  private decisions = 0;

  constructor(private readonly options: GateOptions) {
    this.paused = options.paused;
    this.lane = new JobLane(options.job.key, options.joinedBy);
    setHandler(pauseSignal, () => void (this.paused = true));
    setHandler(resumeSignal, () => {
      this.paused = false;
      this.resumes++;
    });
    setHandler(decidedSignal, () => void this.decisions++);
    setHandler(approveSignal, (request) => this.decide(approvalAnswerOf('approved', request)));
    setHandler(rejectSignal, (request) => this.decide(approvalAnswerOf('rejected', request)));
  }

  /**
   * Runs a step when the job is not paused, again and again while the step itself says "not now". While it waits for
   * what others may not need they have its lane, and it only looks; when it could go on, it asks for a lane.
   */
  async pass<T extends Step>(name: string, call: Call<T>): Promise<T> {
    const { details, goOnAnew } = this.options;
    let tried: TriedBefore | undefined;
    try {
      for (let waits = 0; ;) {
        if (this.paused) {
          details.paused(name);
          await this.standStill();
          tried = undefined; // a pause uses up nobody's patience
        }
        const looks = this.lane.awayFor !== undefined;
        if (!looks) details.begun(name);
        const resumesBefore = this.resumes;
        const decisionsBefore = this.decisions;
        const end = await call({ waits, tried, looks });
        waits = isNotNow(end, 'wait') ? waits + 1 : 0;
        tried = isNotNow(end, 'wait') || isNotNow(end, 'ready') ? end.tried : undefined;
        if (isNotNow(end, 'wait')) {
          if (end.away) await this.lane.leave(end.away);
          details.waits(name, end.why, end.delayMs);
          // Whoever opens a lane by hand, or lifts a pause, need not wait out what was said before.
          await condition(() => this.resumes > resumesBefore, end.delayMs);
          if (workflowInfo().continueAsNewSuggested) {
            await this.lane.cease();
            await condition(allHandlersFinished); // last, so that no resume comes between
            await goOnAnew(this.paused, this.lane.joiners);
          }
        } else if (isNotNow(end, 'approval')) {
          details.asks(name, end.why);
          await this.lane.leave('person');
          const mostMs = Math.min(end.delayMs ?? ASK_AGAIN_MS, ASK_AGAIN_MS);
          await condition(() => this.decisions > decisionsBefore, mostMs);
        } else if (isNotNow(end, 'ready')) {
          details.waitsForLane(name);
          await this.lane.ask();
        } else if (isNotNow(end, 'paused')) {
          // The ledger said "paused" before our signal came. A resume since then has the last word.
          this.paused = this.resumes === resumesBefore;
        } else return end;
      }
    } finally {
      await CancellationScope.nonCancellable(() => this.lane.cease());
    }
  }

  /** Whoever would tell of its end may have ended before: the step looks now and then what the ledger says. */
  private async standStill(): Promise<void> {
    const decisionsBefore = this.decisions;
    await this.lane.standStill();
    await condition(() => !this.paused || this.decisions > decisionsBefore, ASK_AGAIN_MS);
    if (!this.paused) await this.lane.goOn();
    this.paused = false;
  }

  /** Only what a person could look at while it waited is decided; what came too early is not. */
  private async decide(answer: ApprovalAnswer): Promise<void> {
    if (this.lane.awayFor !== 'person') return;
    const { job, timing } = this.options;
    const { decideApprovals } = batchActivities(timing);
    await decideApprovals({ ...answer, effects: [], jobs: [job.key], all: false, work: job.work });
    this.decisions++;
  }
}

const isNotNow = <Kind extends NotNow['kind'], T extends Step>(
  end: T | NotNow,
  kind: Kind,
): end is Extract<NotNow, { kind: Kind }> => end.kind === kind;
