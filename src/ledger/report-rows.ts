import type { Unapproved } from '../contract/approval.js';
import type { ErrorClass } from '../contract/errors.js';
import type { Counts, Totals } from '../contract/result.js';
import type { BatchState, ShownJobState } from '../contract/states.js';
import type { LaneNote } from '../policy/limits/state.js';
import type { BatchRow, Discard, JobId, OpenQuestion, RequestRow, Verdict } from './ledger.js';

/**
 * What the morning report of one batch is made of, read at one moment. Sums are over all runs of the batch; lists are
 * bounded, so that a batch of 100,000 jobs needs no more memory than one of 5,000.
 */
export interface ReportRows {
  readonly batch: BatchRow;
  /** When the first thing was done for it. */
  readonly begunAt: string;
  readonly counts: Counts & { readonly waiting: number; readonly running: number; readonly gated: number };
  readonly totals: Totals;
  /** Jobs that are not finished, in the order of the list. */
  readonly unfinished: readonly ReportJob[];
  /** Jobs that a person has decided not to do, in the order of the list. */
  readonly discarded: readonly DiscardedJob[];
  readonly questions: readonly OpenQuestion[];
  /** What is at its destination, in the order of the list of jobs. */
  readonly landed: readonly LandedRow[];
  /** Of it: found there without having been sent by us. */
  readonly foundThere: number;
  /** Tries that another worker took over, while theirs came back later: by their fence they could write nothing more. */
  readonly takenOver: number;
  readonly failures: readonly FailureRow[];
  readonly costs: readonly ReportCostRow[];
  /** Cost of sessions that a later try went on with instead of paying again. */
  readonly notPaidAgainMicros: number;
  /** Begun and ended in each second, of the last run. */
  readonly beats: readonly Beat[];
  /** What the jobs with most tries went through in the last run. */
  readonly spans: readonly Span[];
  /** Jobs that were worked on in the last run; `spans` tells of the first of them only. */
  readonly jobsWorkedOn: number;
  /** Changes of the batch itself in the last run, oldest first. */
  readonly changes: readonly { readonly at: string; readonly to: BatchState; readonly detail: string }[];
  /** What kept it from starting anything new in its last run, beside its own pauses. */
  readonly closures: readonly Closure[];
  readonly requests: readonly RequestRow[];
  /** This batch and those of its name before it, newest first. */
  readonly nights: readonly NightFigures[];
}

export interface ReportJob extends JobId {
  readonly identity: Readonly<Record<string, string>>;
  readonly state: ShownJobState;
  readonly verdict: Verdict;
  readonly errorClass: ErrorClass | undefined;
  readonly message: string;
  readonly unapproved?: Unapproved;
  /** An effect of it waits for a person's answer. */
  readonly asks?: true;
  readonly lastArtifact?: string;
  readonly lastOutput?: string;
}

export interface DiscardedJob extends JobId, Discard {
  readonly identity: Readonly<Record<string, string>>;
}

export interface LandedRow extends JobId {
  readonly identity: Readonly<Record<string, string>>;
  readonly effect: string;
  readonly use: string;
  readonly target: string;
  readonly id: string;
  readonly url: string | undefined;
  readonly at: string;
  /** Landed by another batch, or found at its destination. */
  readonly earlier: boolean;
}

/** Failures that were told in the same words. */
export interface FailureRow {
  readonly of: 'session' | 'effect';
  readonly errorClass: ErrorClass;
  readonly message: string;
  readonly count: number;
  readonly costMicros: number;
  /** One of the jobs that it met. */
  readonly example: Readonly<Record<string, string>>;
}

export interface ReportCostRow {
  readonly site: string;
  readonly work: string;
  readonly currency: string;
  readonly sessions: number;
  readonly costMicros: number;
  readonly wastedMicros: number;
  /** Sessions whose cost is not known, and counts as nothing. */
  readonly unknown: number;
}

export interface Beat {
  /** ISO 8601 to the second, without a zone: UTC. */
  readonly second: string;
  readonly what: 'begun' | 'good' | 'bad';
  readonly count: number;
}

/** From when to when an account at a service was closed, or a wider pause was on; without an end it still is. */
export type Closure =
  | {
      readonly of: 'lane';
      readonly from: string;
      readonly to?: string;
      readonly label: string;
      readonly cause: NonNullable<LaneNote['cause']>;
      /** In the words of the service. */
      readonly why: string;
    }
  | { readonly of: 'hold'; readonly from: string; readonly to?: string; readonly why: string };

/** One session, or one try of an effect. */
export interface Span extends JobId {
  readonly identity: Readonly<Record<string, string>>;
  /** `agent`, or the name of the effect. */
  readonly step: string;
  readonly from: string;
  readonly to: string | undefined;
  readonly end: string | undefined;
  readonly errorClass: ErrorClass | undefined;
}

export interface NightFigures {
  readonly batchId: string;
  readonly openedAt: string;
  readonly state: BatchState;
  readonly currency: string;
  readonly jobs: number;
  /** Finished before the next night began. */
  readonly finished: number;
  readonly sessions: number;
  readonly wasted: number;
  readonly costMicros: number;
  readonly wastedMicros: number;
  /** Sessions whose cost is not known, and counts as nothing. */
  readonly unknown: number;
  readonly failures: readonly Pick<FailureRow, 'of' | 'errorClass' | 'message' | 'count'>[];
}
