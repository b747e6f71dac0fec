import type { ErrorClass } from './errors.js';
import type { ApprovalChoice } from './approval.js';
import type { PauseLevel } from './holds.js';
import type { RequestedJobs } from './job-selection.js';
import type { StopLossRule } from './limits.js';
import type { Overlap, ScheduleDefinition } from './schedules-file.js';
import type { ManifestRef } from './manifest-ref.js';
import type { JobState } from './states.js';

/**
 * What Workflows and Activities hand to each other. Wire format: a running batch may have been started by an
 * older release, so fields are added with defaults and never renamed. No schemas: what a Workflow imports is run anew
 * for each of them.
 */

/** Numbers that a Workflow needs and may not look up itself. */
export interface Timing {
  /** A worker that is silent for longer is taken for dead. */
  readonly heartbeatTimeoutMs: number;
  /** Longest that one session may take. */
  readonly sessionTimeoutMs: number;
}

/**
 * How long the engine waits for a Workflow's next decision before it asks another worker; a decision takes
 * milliseconds. Half of the default: it bounds how long a batch stands still after its worker was killed.
 */
export const WORKFLOW_TASK_TIMEOUT_MS = 5000;

export interface BatchInput {
  readonly name: string;
  readonly work: string;
  /** Batch key. */
  readonly key: string;
  readonly manifest: ManifestRef;
  /** Names of the effects, in order. */
  readonly effects: readonly string[];
  readonly concurrency: number;
  readonly timing: Timing;
  /** Who or what asked to start. */
  readonly startedBy: string;
  /** When too many failures pause it; absent in runs of older releases, which nothing paused. */
  readonly stopLoss?: readonly StopLossRule[];
  /** Jobs that are to do well before others are begun; absent: none. */
  readonly canary?: number;
  /** Least time between the starts of two jobs; absent: none. */
  readonly paceMs?: number;
  /** Whether the namespace knows our search attributes. */
  readonly searchAttributes: boolean;
  /** Whether Workflows keep their state in search attributes; absent in runs of older releases, which did not. */
  readonly stateAttributes?: boolean;
  /** Of what is spent, for people; ISO 4217. */
  readonly currency?: string;
  /** That of all its jobs; absent where they have none, or several. */
  readonly edition?: string;
  /** Jobs that are given their new try when it opens; absent where nobody asked for that. */
  readonly retry?: RetryAtOpening;
}

export interface RetryAtOpening {
  readonly by: string;
  /** Hash of an artifact with their keys, a line each: there may be too many for a Workflow's history. */
  readonly keys: string;
  /** As in `RequestedJobs`: what has stopped anew since has had its new try. */
  readonly asOf: number;
  /** As there. */
  readonly alsoDiscarded?: boolean;
}

/** One job that a run has to do, and where in the stored list it stands. */
export interface Ticket {
  readonly key: string;
  readonly title: string;
  readonly site: string | undefined;
  readonly edition?: string;
  readonly offset: number;
  readonly length: number;
  readonly fingerprint: string;
  readonly revision: number;
  /** All that must have landed for the job to be done in this batch. */
  readonly effectKeys: readonly string[];
  /** True when the job was done before and is to be changed: its finished Workflow is no reason to stop. */
  readonly again: boolean;
}

/** A part of a large batch. */
export interface Slice {
  readonly index: number;
  /** Those of jobs that were given a new try; or the hash of an artifact, JSON Lines: too many for a Workflow's history. */
  readonly tickets: string | readonly Ticket[];
  readonly from: number;
  readonly count: number;
}

/** Of the jobs that a run found unfinished. */
export type StoredSlice = Slice & { readonly tickets: string };

/** What `openBatch` found. Tickets come directly while they are few, else in slices. */
export interface OpenedBatch {
  readonly tickets: readonly Ticket[];
  readonly slices: readonly StoredSlice[];
  readonly adopted: number;
  readonly parked: number;
  readonly held: number;
  /** Some of what was not started and why, for people. */
  readonly notes: readonly Unfinished[];
  /** A pause of its work, its provider or everything is on. */
  readonly pauseLevel?: PauseLevel;
  /** SHA-256 of the definition with its agent pinned for this run; absent where nothing of it was left open. */
  readonly definition?: string;
}

export interface JobInput {
  readonly work: string;
  readonly batchId: string;
  readonly manifest: ManifestRef;
  readonly ticket: Ticket;
  readonly effects: readonly string[];
  readonly timing: Timing;
  /** Started while its batch was being paused. */
  readonly paused: boolean;
  readonly stateAttributes?: boolean;
  readonly currency?: string;
  /** Goes on in a new history, for its old one had grown long: it has sent an effect already. */
  readonly sent?: boolean;
  /** Likewise: those who have joined it. */
  readonly joinedBy?: readonly Joiner[];
}

/** The run of a batch, or of a shard, that waits for a job which another one has started. */
export interface Joiner {
  readonly workflowId: string;
  readonly runId: string;
}

/** What every Activity of a job is told. */
export interface JobRef {
  readonly work: string;
  readonly batchId: string;
  readonly manifest: ManifestRef;
  readonly key: string;
  readonly offset: number;
  readonly length: number;
}

/** What `settleJob` is told of an end. */
export interface JobEnd {
  readonly state: JobState;
  readonly errorClass?: ErrorClass;
  readonly message?: string;
}

/** What `runAgent` is told. */
export interface AgentRequest extends JobRef {
  /** How often in a row it has answered "wait"; absent: never. */
  readonly waits?: number;
  /** What it said of its tries when it last answered "wait". */
  readonly tried?: TriedBefore;
  /** The job has no lane at the moment: where the step could begin something now, it answers "ready" instead. */
  readonly looks?: boolean;
}

export interface Trouble {
  readonly errorClass: ErrorClass;
  readonly message: string;
  /**
   * A person has said no, was given the time for it and said nothing, or left it out of the plan: what they wanted, and
   * so no failure. Absent in what workers of older releases say.
   */
  readonly decided?: true | undefined;
  /** It is a destination that gates the job, and others may have another one. Absent likewise. */
  readonly ofDestination?: true | undefined;
}

/** How the agent step ended. `adopted`: every effect of the job was found at its destination; nothing is left to do. */
export type AgentEnd =
  | ({ readonly kind: 'made'; readonly sha256: string } & Spent & Session)
  | { readonly kind: 'adopted' }
  | ({ readonly kind: 'parked' | 'held' | 'gated' } & Trouble & Spent & Session)
  | NotNow;

/** What the sessions of the job have cost, ever, and how many of them did not tell. Only shown. */
export interface Spent {
  readonly spentMicros?: number;
  readonly costUnknown?: number;
}

/** The session that ended the step, as its service names it. Only shown. */
export interface Session {
  readonly session?: string;
}

/** The batch was paused before anything was started or sent; the step is called again after `resume`. */
export interface Paused {
  readonly kind: 'paused';
}

/** Nothing may be started or sent before this delay has passed: a limit, a service that is down, a used-up quota. */
export interface Waiting {
  readonly kind: 'wait';
  readonly delayMs: number;
  readonly why: string;
  /** To be told to the step when it is called again; absent where nothing was tried yet. */
  readonly tried?: TriedBefore;
  /** Where it needs no lane meanwhile: what it waits for is of its site, such as a destination, or its agent takes nothing. */
  readonly away?: 'site' | 'agent';
}

/** How often a step has failed since it last went well, by class. */
export type FailedTries = Readonly<Partial<Record<ErrorClass, number>>>;

/** What a step that waits has tried before in this run: a wait gives no tries back. */
export interface TriedBefore {
  readonly failed?: FailedTries;
  /** Milliseconds since the epoch; absent where it was not failing. */
  readonly failingSinceMs?: number;
}

/** An effect waits for a person's yes. */
export interface AwaitingApproval {
  readonly kind: 'approval';
  readonly why: string;
  /** Until its time is up; undefined: it has all the time. */
  readonly delayMs: number | undefined;
}

/** The answer to a look: nothing stands in the way of the step any more. */
export interface Ready {
  readonly kind: 'ready';
  readonly tried?: TriedBefore;
}

/** The step did nothing and is to be called again. */
export type NotNow = Paused | Waiting | AwaitingApproval | Ready;

/**
 * Why a job takes no lane: it waits for a person, for something of its site, for an agent that takes nothing, or, for those
 * who joined it, for the end of a pause of its own batch.
 */
export type AwayFor = 'person' | 'site' | 'agent' | 'pause';

/** To a batch from its jobs, or those it has joined: one waits, and leaves its lane to others, or is back in it. */
export interface SetAside {
  readonly key: string;
  readonly waiting: boolean;
  /** What it waits for, where it does; for a person unless said. */
  readonly for?: AwayFor;
  /** It goes on when it is told that it has a lane again. */
  readonly asks?: boolean;
}

/** To a batch from a shard: it can begin nothing, and all its jobs under way wait, and need no lane. */
export interface ShardAside {
  /** Index of its slice. */
  readonly shard: number;
  /** It has something to begin again. */
  readonly back?: boolean;
}

/** How one job came out of a run, for the stop-loss. What a person has decided is no such end, and counts neither way. */
export interface JobEndSeen {
  /** Absent: well. */
  readonly errorClass?: ErrorClass;
  /** Milliseconds since the epoch, by the clock of the Workflow that ran it; as the next. */
  readonly atMs: number;
  readonly admittedAtMs: number;
}

/** To a batch from a shard: how its jobs have ended since it last told. */
export interface ShardEnds {
  /** Index of its slice. */
  readonly shard: number;
  readonly ends: readonly JobEndSeen[];
  /** Jobs that it could still begin. */
  readonly waiting: number;
}

/** A person's answer to effects that wait for approval. */
export interface ApprovalAnswer extends ApprovalChoice {
  readonly decision: 'approved' | 'rejected';
  readonly by: string;
  readonly reason: string;
  /** Only those of this batch. */
  readonly batchId?: string;
  /** Only those of this kind of work. */
  readonly work?: string;
}

/** Whose effect was decided. */
export interface ApprovedJob {
  readonly work: string;
  readonly jobKey: string;
  /** Whether it stands and waits for the answer. */
  readonly waits?: boolean;
}

export interface PublishRequest extends JobRef {
  readonly effect: string;
  readonly artifact: string;
  readonly tried?: TriedBefore;
  /** As of `AgentRequest`. */
  readonly looks?: boolean;
}

export type PublishEnd =
  | { readonly kind: 'landed' | 'adopted'; readonly url: string | undefined }
  | ({ readonly kind: 'parked' | 'held' | 'gated' } & Trouble)
  | LeftOut
  | NotNow;

/** The plan that this run is bound by leaves the effect out: nothing was done, and the job goes on to its next effect. */
export interface LeftOut {
  readonly kind: 'left-out';
}

export interface UnpublishRequest extends JobRef {
  readonly effect: string;
  /** That landed when it was asked for; a newer one is left alone. */
  readonly revision: number;
}

/** `nothing`: it never landed. `refused`: it can't be taken back, or was changed since; nothing was. */
export type UnpublishEnd =
  | { readonly kind: 'unpublished'; readonly place: string }
  | { readonly kind: 'nothing' }
  | ({ readonly kind: 'refused' } & Trouble);

/** Input of the Workflow `unpublish`: effects of one job, the last one first. */
export interface UnpublishInput {
  readonly ref: JobRef;
  readonly title: string;
  readonly effects: readonly Pick<UnpublishRequest, 'effect' | 'revision'>[];
  readonly timing: Timing;
}

export type UnpublishSummary = readonly { readonly effect: string; readonly end: UnpublishEnd }[];

/** A job that this run did not finish, for the failure of the batch and for people. */
export interface Unfinished {
  readonly key: string;
  readonly title: string;
  readonly state: string;
  readonly trouble?: Trouble;
}

/** How far the jobs of a run have come. */
export interface Counted {
  readonly jobs: number;
  readonly done: number;
  readonly adopted: number;
  readonly parked: number;
  readonly held: number;
  readonly cancelled: number;
  /** Not started. */
  readonly waiting: number;
}

/** Live figures, answered by the query `progress` and shown in the Web UI. */
export interface Progress extends Counted {
  readonly state: 'opening' | 'running' | 'pausing' | 'paused' | 'stopping' | 'closing';
  readonly inFlight: number;
  /** Known at the end only. */
  readonly discarded?: number;
  readonly reason: string | undefined;
}

/** Jobs that a run leaves unfinished, as the ledger has them. */
export interface Left {
  readonly parked: number;
  readonly held: number;
  readonly cancelled: number;
  readonly discarded: number;
}

/** Result of a finished batch, and details of `BatchIncomplete`. */
export interface BatchSummary extends Counted {
  readonly batchId: string;
  /** That a person has decided not to do; absent where there is none. */
  readonly discarded?: number;
  /** Under way still, and left there, for they wait for a person; absent where there is none. */
  readonly aside?: number;
  /** The first 20. */
  readonly unfinished: readonly Unfinished[];
  readonly stoppedBy: Trouble | undefined;
}

export interface ShardInput {
  readonly batch: BatchInput;
  readonly batchId: string;
  readonly slice: Slice;
  readonly concurrency: number;
  /** How strictly its batch stands still. */
  readonly held?: PauseLevel;
  /** Jobs of it that are to do well before others, in any shard, are begun; absent: none. */
  readonly canary?: number | undefined;
  /** Its share of the batch's pace. */
  readonly paceMs?: number;
}

/** Result of a shard, and details of `ShardIncomplete`. */
export interface ShardSummary extends Counted {
  /** As of a batch. */
  readonly aside?: number;
  readonly unfinished: readonly Unfinished[];
  readonly spentMicros?: number;
  readonly costUnknown?: number;
  readonly stoppedBy?: Trouble;
  /** That it has not told. */
  readonly ends?: readonly JobEndSeen[];
}

/** Messages that a batch and its jobs take. Names are wire format. */
export const MESSAGE = {
  pause: 'pause',
  resume: 'resume',
  retryJob: 'retryJob',
  setConcurrency: 'setConcurrency',
  /** A pause of a work, a provider or everything was placed or lifted: ask the ledger. */
  holdsChanged: 'holdsChanged',
  approve: 'approve',
  reject: 'reject',
  /** To a job: an effect that waits for approval was decided; ask the ledger. */
  decided: 'decided',
  /** To a job: somebody who did not start it waits for it too. */
  joined: 'joined',
  setAside: 'setAside',
  /** To a job that has asked its batch for a lane: it has one. */
  lane: 'lane',
  shardAside: 'shardAside',
  shardEnds: 'shardEnds',
  /** To a shard: tell the ends that were not told yet. */
  tellEnds: 'tellEnds',
  /** To a shard: what stops the batch. */
  stop: 'stop',
  /** To a batch from a shard: the jobs that went first did well. */
  canaryOver: 'canaryOver',
  progress: 'progress',
} as const;

/** Who pauses a batch in which too many jobs fail, or the first ones. */
export const STOP_LOSS = 'stop-loss';

/** Who ends a run that was refused before its first job: credentials or configuration are wrong. */
export const PREFLIGHT = 'preflight';

/** Failure types of our Workflows, and of their answers. */
export const FAILURE = {
  batchIncomplete: 'BatchIncomplete',
  shardIncomplete: 'ShardIncomplete',
  jobParked: 'JobParked',
  jobHeld: 'JobHeld',
  jobGated: 'JobGated',
  nightNotStarted: 'NightNotStarted',
  /** Of a request that can be made of the next run. */
  runEnds: 'RunEnds',
} as const;

/** Answer of `pause`, `resume` and `setConcurrency`. */
export interface ControlState {
  readonly state: 'running' | 'pausing' | 'paused';
  /** How strictly it stands still. */
  readonly level?: PauseLevel;
  readonly inFlight: number;
  readonly concurrency: number;
}

export interface ControlRequest {
  readonly by: string;
  readonly reason?: string;
  /** Of a pause; `finish` where absent. */
  readonly level?: PauseLevel;
  /** Of a canary in a shard: when the job was admitted that failed. Milliseconds since the epoch. */
  readonly admittedAt?: number;
  /** Whoever sends it notes in the ledger that it was asked for, and what came of it; so the batch does not. */
  readonly noted?: true;
}

/** A message that somebody sent to a batch by hand, for the ledger. */
export interface AskedByMessage {
  readonly batch: { readonly id: string; readonly name: string; readonly key: string };
  readonly work: string;
  readonly runId: string;
  readonly what: 'pause' | 'resume' | 'concurrency' | 'retry';
  readonly by: string;
  readonly reason?: string;
  /** `ended`: the run was about to end, and nothing came of it. */
  readonly outcome: 'done' | 'ended' | 'refused';
  /** ISO 8601; no two of a run have the same. */
  readonly at: string;
}

/** All parked jobs of the batch, unless some are meant. Whoever runs an older release knows only `keys`. */
export interface RetryRequest extends ControlRequest, RequestedJobs {}

/** Jobs in progress at once, as the batch file bounds them too. */
export const isConcurrency = (value: number): boolean =>
  Number.isInteger(value) && value >= 1 && value <= 500;

/** Input of the Workflow `nightly`. */
export interface NightlyInput {
  readonly schedule: ScheduleDefinition;
  /** Fingerprint of the times that the engine was told with it. Absent in what older releases have applied. */
  readonly times?: string;
  /** Nights that a person asks for, by the times they were due; without any, the one that the schedule is due for. */
  readonly nights?: readonly string[];
  /** Who asks for them. */
  readonly by?: string;
  /** Instead of the schedule's own rule. */
  readonly overlap?: Overlap;
}

export interface NightRequest {
  readonly schedule: ScheduleDefinition;
  /** ISO 8601. */
  readonly dueAt: string;
  /** True when `dueAt` is a night by itself; else the night meant is the last one due then. */
  readonly exact: boolean;
  /** How often it has waited for another night. */
  readonly waits: number;
  /** Until when it waits for the night that it comes after, as an earlier step said; ISO 8601. */
  readonly untilAt?: string;
  readonly by?: string;
  readonly overlap?: Overlap;
}

/** What came of a night; `outcome` as in the ledger's `NightOutcome`. */
export interface NightEnd {
  readonly night: string;
  readonly edition: string;
  readonly outcome: string;
  readonly why: string;
  /** The batch that serves it, or that was in its way. */
  readonly batchId?: string;
}

export type NightStep =
  | { readonly kind: 'ended'; readonly night: NightEnd }
  /** The night is to be tried again when that batch has ended. */
  | {
      readonly kind: 'wait';
      readonly batchId: string;
      /** Its run, as people know it; absent in what workers of older releases say. */
      readonly title?: string;
      readonly why: string;
      /** Or when nothing is left of it but effects that wait for a person's yes. */
      readonly orApprovalsLeft?: true;
    }
  /** The night is to be tried again when the one that it comes after is done, or the time for that is over. */
  | { readonly kind: 'after'; readonly upstream: UpstreamWait; readonly why: string };

/** The night of another schedule that has to be done first. */
export interface UpstreamNight {
  readonly schedule: string;
  readonly edition: string;
  /** When the night that waits is due; ISO 8601. */
  readonly dueAt: string;
}

export interface UpstreamWait extends UpstreamNight {
  readonly untilAt: string;
}
