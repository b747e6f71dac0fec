import type { ErrorClass } from '../../contract/errors.js';
import type { BatchState, ShownJobState } from '../../contract/states.js';
import type { DeadlineStanding } from '../../policy/deadline.js';
import type { LandedRow, NightFigures, ReportRows } from '../../ledger/report-rows.js';

/** What a person reads in the morning. Times are ISO 8601; amounts are micro-units of `currency`. */
export interface MorningReport {
  readonly name: string;
  readonly madeAt: string;
  /** Whose clock the times are shown by. */
  readonly timeZone: string;
  /** One sentence: how it stands. */
  readonly headline: string;
  readonly tone: Tone;
  /** Nights of schedules that this report is of, newest first; none where nobody but a person asked for the batch. */
  readonly planned: readonly PlannedNight[];
  /** Absent: no run was ever opened. */
  readonly night: Night | undefined;
  /** Of a night that no run was opened for: since when that is known; its file is named by it. */
  readonly knownAt?: string;
  readonly decisions: readonly Decision[];
  readonly causes: readonly Cause[];
  /** Nights that were to be and were not, newest first. */
  readonly missed: readonly MissedNight[];
  /** Where its commands are to be typed. */
  readonly directory: string | undefined;
  /** What shows more than fits here, or shows it as it is now. */
  readonly looks: Looks;
}

export interface Looks {
  readonly afresh: string;
  readonly receipts: string;
}

/** `good`: nothing to do · `open`: not over yet · `bad`: a person is needed */
export type Tone = 'good' | 'open' | 'bad';

export interface Night {
  readonly batchId: string;
  readonly work: string;
  readonly state: BatchState;
  readonly reason: string | undefined;
  readonly stateBy: string;
  readonly openedBy: string;
  readonly begunAt: string;
  /** When its last run was opened; later than `begunAt` when it was started again. */
  readonly openedAt: string;
  readonly closedAt: string | undefined;
  /** When its last run was to be over; absent where the batch file says nothing. */
  readonly deadline?: DeadlineStanding | undefined;
  readonly counts: ReportRows['counts'];
  readonly finished: number;
  readonly totals: ReportRows['totals'];
  readonly duplicates: Duplicates;
  readonly landed: {
    /** Of all jobs, shown or not. */
    readonly total: number;
    readonly rows: readonly LandedRow[];
  };
  /** That a person has decided not to do; more may be counted. */
  readonly discarded: ReportRows['discarded'];
  readonly cost: CostPart;
  readonly bySite: readonly CostPart[];
  readonly byWork: readonly CostPart[];
  readonly notPaidAgainMicros: number;
  readonly timeline: Timeline;
  /** Oldest first; the last one is this. */
  readonly nights: readonly NightPoint[];
}

export interface Duplicates {
  readonly total: number;
  readonly parts: readonly { readonly count: number; readonly what: string }[];
}

/** Something that does not go on without a person. */
export interface Decision {
  readonly kind:
    | 'start'
    | 'missed'
    | 'late'
    | 'empty'
    | 'unknown'
    | 'session'
    | 'approval'
    | 'conflict'
    | 'credentials'
    | 'configuration'
    | 'artifacts'
    | 'budget'
    | 'held'
    | 'parked'
    | 'paused'
    | 'quota'
    | 'again'
    | 'unheard';
  /** `Did these reach the blog?` */
  readonly title: string;
  readonly why: string;
  readonly count: number;
  readonly cases: readonly DecisionCase[];
  /** For all of them at once. */
  readonly commands: readonly Command[];
}

export interface DecisionCase {
  readonly title: string;
  readonly detail: string;
  /** The file that what it made last is kept in, whether that passed or not. */
  readonly lastOutput?: string;
  readonly commands: readonly Command[];
}

export interface Command {
  readonly say: string;
  readonly command: string;
}

/** Failures with one reason, told in much the same words. */
export interface Cause {
  readonly errorClass: ErrorClass;
  readonly meaning: string;
  /** The words of the most frequent of them. */
  readonly message: string;
  /** Sessions and effects that failed. */
  readonly failures: number;
  /** Jobs that are not finished because of it. */
  readonly unfinished: number;
  readonly wastedMicros: number;
  readonly examples: readonly string[];
  /** Of the nights before, how many had it. */
  readonly nightsBefore: number;
  readonly nightsKnown: number;
}

export interface CostPart {
  readonly key: string;
  readonly currency: string;
  readonly sessions: number;
  readonly costMicros: number;
  readonly wastedMicros: number;
  readonly unknown: number;
}

export interface Timeline {
  readonly from: string;
  readonly to: string;
  /** Equal parts of the time between. */
  readonly bins: readonly Bin[];
  readonly binMs: number;
  /** Stretches in which nothing new could start: anything, or what needs a service that was closed. */
  readonly stops: readonly Stop[];
  readonly lanes: readonly Lane[];
  /** Jobs that were worked on, shown or not. */
  readonly jobs: number;
}

export interface Bin {
  readonly from: string;
  /** Sessions and effects under way, at most. */
  readonly busy: number;
  readonly good: number;
  readonly bad: number;
}

export interface Stop {
  readonly kind: 'paused' | 'closed';
  readonly from: string;
  readonly to: string;
  readonly what: string;
  /** The service's own words. */
  readonly said?: string;
}

export interface Lane {
  readonly title: string;
  readonly state: ShownJobState;
  readonly pieces: readonly Piece[];
  readonly tries: number;
  readonly waitedMs: number;
}

export interface Piece {
  readonly kind: 'agent' | 'effect' | 'failed' | 'wait' | 'open';
  readonly from: string;
  readonly to: string;
  readonly what: string;
}

export type NightPoint = Omit<NightFigures, 'batchId' | 'failures'>;

/** A time that a schedule was due. */
export interface PlannedNight {
  readonly schedule: string;
  /** As the clock on the wall showed it, `2026-11-23T02:30`. */
  readonly night: string;
  /** Where that clock is. */
  readonly timeZone: string;
  readonly edition: string;
}

/** One that nobody served. */
export interface MissedNight extends PlannedNight {
  /** The same time as an instant. */
  readonly at: string;
  /** `late`: it may still come · `failed`: it could not be started */
  readonly what: 'skipped' | 'missed' | 'failed' | 'paused' | 'late';
  readonly why: string;
  /** Runs it after all. */
  readonly command: string;
}
