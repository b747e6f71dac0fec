import type { Approving } from '../contract/approval.js';
import type { ArtifactRef } from '../contract/artifact.js';
import type { ErrorClass } from '../contract/errors.js';
import type { Hold, HoldScope, PauseLevel, WideHold } from '../contract/holds.js';
import { holdText } from '../contract/holds.js';
import type { JobSelection, RequestedJobs } from '../contract/job-selection.js';
import type { JobEnd } from '../contract/messages.js';
import type { Receipt } from '../contract/receipt.js';
import type { RequestKind, RequestOutcome } from '../contract/requests.js';
import type { Counts, JobReport, Totals } from '../contract/result.js';
import type { ScheduleDefinition } from '../contract/schedules-file.js';
import type { BatchState, EffectState, JobState, SessionState, ShownJobState } from '../contract/states.js';
import type { JobId } from '../identity/workflow-ids.js';
import type { NamedBatch, Namesakes } from '../policy/batch-words.js';
import type { BudgetDecision, BudgetLimits } from '../policy/budget.js';
import type { Pause } from '../policy/pauses.js';
import type { BudgetUse } from '../policy/spending.js';
import type { SessionFailure } from '../policy/retry.js';
import type { Places } from '../policy/limits/places.js';
import type { LaneNote, LaneState } from '../policy/limits/state.js';
import type { AlertLedger } from './alert-rows.js';
import type { EarlierArtifactRow } from './earlier-artifacts.js';
import type { JobStory, NamedJob } from './story.js';
import type { ReportRows } from './report-rows.js';

export type { JobId };

/**
 * The ledger: what was done, kept outside the engine and longer than its histories.
 *
 *  L1. Every method that writes is one durable transaction: when its promise resolves, a power cut loses nothing.
 *  L2. Only the state changes of `contract/states.ts` are possible; SQL refuses the others as well.
 *  L3. `history` only grows. Each change of state adds a row there in the same transaction.
 *  L4. Writes about a job's session or effect carry the fence that the writer was given; a writer whose fence
 *      was passed on gets `StaleFence` and has changed nothing.
 */
export interface Ledger extends AlertLedger {
  // --- batches -------------------------------------------------------------------------------------------
  /**
   * Records that a run of a batch is open; state `running`. Called again for a run already open: no change.
   * @param after nor any where the ledger knows of another run than this one; for who may come late
   * @param retry jobs that have their new try with it; of many the first, which are shown so at once
   */
  openBatch(
    batch: OpenBatch,
    after?: { readonly runId: string | undefined },
    retry?: JobsAsOf,
  ): Promise<void>;
  /**
   * Notes what the batch was last asked to start with, whether or not a run of it is under way.
   * @param definition hash of the stored one
   * @returns false where that was noted before, or the ledger does not know the batch
   */
  noteAsked(batchId: string, definition: string): Promise<boolean>;
  /** Replaces the list of jobs that the batch names, in its order. */
  setMembers(batchId: string, members: readonly Member[]): Promise<void>;
  /** @param level how strict, of `paused` */
  setBatchState(
    batchId: string,
    state: BatchState,
    by: string,
    reason?: string,
    level?: PauseLevel,
  ): Promise<void>;
  /** Sets a paused batch running, if its pause is still the one seen. @returns whether it was */
  endPause(seen: BatchRow, by: string, reason?: string): Promise<boolean>;
  batch(batchId: string): Promise<BatchRow | undefined>;
  /** The batch of that name which was opened last. */
  latestBatch(name: string, edition?: string): Promise<BatchRow | undefined>;
  /** Newest first. */
  batches(limit?: number, edition?: string): Promise<readonly BatchRow[]>;
  /** Newest first. @param only.edition those whose first job is of it; also those whose jobs no worker has written down yet */
  batchesNamed(
    name: string,
    only: {
      readonly edition?: string | undefined;
      readonly states?: readonly BatchState[];
      readonly limit: number;
    },
  ): Promise<readonly BatchRow[]>;
  /** The jobs that a batch names, in its order; none before a worker has written them down. */
  listedJobs(batchId: string): Promise<readonly ListedJob[]>;
  /** Which other batches its name, with its edition where it has one, would stand for; of an edition, only newer ones are looked for. */
  namesakes(batch: NamedBatch): Promise<Namesakes>;
  /** Batches of that name, under way or ended unfinished, with jobs that wait for a person; newest first. A cancelled one waits for nobody. */
  stuckBatchesNamed(name: string): Promise<readonly BatchRow[]>;

  // --- holds ---------------------------------------------------------------------------------------------
  /** Pauses jobs beyond one batch, present and future, until it is lifted. One that is on there is replaced. @param level where none is said: see `levelMeant` */
  placeHold(scope: HoldScope, level: PauseLevel | undefined, by: string, reason?: string): Promise<WideHold>;
  /** Undefined where none was on. */
  liftHold(scope: HoldScope, by: string): Promise<WideHold | undefined>;
  /** Those that are on, oldest first. */
  holds(): Promise<readonly WideHold[]>;
  /** The strictest of the pauses that a job stands before, that of its batch among them. */
  holdOf(gate: Omit<Gate, 'underWay'>): Promise<Hold | undefined>;
  /** Pauses that were on after a moment, ISO 8601, before jobs of a batch: its own and wider ones. */
  pauses(gate: Omit<Gate, 'underWay'>, since: string): Promise<readonly Pause[]>;
  /** What is under way; of a batch by its Workflow ID. */
  inHand(scope: HoldScope | { readonly kind: 'batch'; readonly name: string }): Promise<InHand>;

  // --- jobs ----------------------------------------------------------------------------------------------
  /** What is known of these jobs; jobs never seen are absent from the map. Bulk: 10,000 keys are one call. */
  jobs(work: string, keys: readonly string[]): Promise<ReadonlyMap<string, KnownJob>>;
  /** Takes the job for one try of its agent step; raises its fence. */
  claimJob(claim: ClaimRequest): Promise<Claim>;
  /**
   * Takes over jobs found done at their destinations, or ends jobs that can't go on. The state that it has already is
   * no change, nor is an unfinished end of a job never claimed.
   * @param fence of the claim under which that is said, where it is by one that has taken the job
   * @throws IllegalTransition; StaleFence when the job was claimed again since `fence` was given
   */
  settleJob(job: JobId, end: JobEnd, by: By, fence?: number): Promise<void>;
  /** Jobs of a batch that wait for a person, in its order: the parked, or those named that are parked, held or discarded. */
  stopped(batchId: string, selection?: RequestedJobs): Promise<readonly StoppedJob[]>;
  /** Those that `stopped` finds may run again with a fresh budget, and are not discarded any more. Returns their keys. */
  requeue(batchId: string, by: string, selection?: RequestedJobs): Promise<readonly string[]>;
  /**
   * A person decides that jobs will not be done: no start of any batch runs them below a higher revision, until `requeue`
   * names them. Noted with who and why, also where it is refused. Those that are meant are as for `stopped`, and
   * cancelled ones named.
   * @returns what came of each, keys without a job first
   */
  discard(
    batch: Pick<BatchRow, 'id' | 'name' | 'key' | 'work'>,
    request: DiscardRequest,
  ): Promise<readonly Discarding[]>;

  // --- sessions ------------------------------------------------------------------------------------------
  /** Whether the job has neither a session under way nor what one has made, checked or not. */
  needsSession(job: JobId): Promise<boolean>;
  /**
   * Committed before the provider is asked to start. Opens paid attempt number `session.attempt`.
   * @throws HeldBack when a pause stands before `gate`; then nothing has changed
   */
  intendSession(session: NewSession, fence: number, gate?: Gate): Promise<void>;
  /** `intendSession` where the budget has room: in one transaction, so that sessions asking at once never overshoot it. Refused: nothing changes. */
  reserveSession(
    session: NewSession,
    budget: SessionBudget,
    fence: number,
    gate?: Gate,
  ): Promise<BudgetDecision>;
  /** What `reserveSession` would say now. Reserves nothing. */
  budgetRoom(session: RoomAsked, budget: SessionBudget): Promise<BudgetDecision>;
  /**
   * The provider's handle. Committed before the first heartbeat. May be repeated with a fuller handle.
   * @throws HeldBack when a pause stands before `gate`; then nothing has changed
   */
  saveHandle(session: SessionId, handle: unknown, fence: number, gate?: Gate): Promise<void>;
  /** This try found the session and goes on with it. */
  attachSession(session: SessionId, fence: number): Promise<void>;
  /** Sessions without an end that were opened before that time (ISO 8601), oldest first. */
  openSessions(before: string): Promise<readonly AbandonedSession[]>;
  /**
   * Books a session that nobody will come back to as lost, at what was set aside for it.
   * @returns false, with nothing written, when it has ended or its job was claimed since it was read
   */
  giveUpSession(session: SessionId & Pick<AbandonedSession, 'fence'>, message: string): Promise<boolean>;
  /** What a session has made that ended `unchecked` has passed its checks: from now on it is the job's. */
  acceptArtifact(session: SessionId, fence: number): Promise<void>;
  /** The job's artifact, or an unchecked one, can't be read any more: it is dropped, and the session that made it becomes waste. */
  loseArtifact(job: JobId, message: string, fence: number): Promise<void>;
  /** Books its end, its usage and cost, and what that means for the job, all at once. */
  endSession(session: SessionId, end: SessionEnd, fence: number): Promise<void>;
  /** The same for a session that this try does not go on with, and that says nothing of how the try itself ends. */
  endGivenUp(session: SessionId, end: GivenUpEnd, fence: number): Promise<void>;

  // --- effects -------------------------------------------------------------------------------------------
  /** Takes the effect for one try; raises its fence. Makes the row when it is new (`pending`). */
  beginEffect(effect: EffectId, by: By): Promise<EffectRow>;
  /** Committed before the request leaves. @throws HeldBack as `intendSession` does */
  attemptingEffect(
    effectKey: string,
    body: { sha256: string; revision: number },
    fence: number,
    gate?: Gate,
  ): Promise<void>;
  /** The destination has said that it is there. Committed before anything asks again: from then on "absent" is a contradiction. */
  acknowledgedEffect(effectKey: string, place: AcknowledgedPlace, fence: number): Promise<void>;
  /** Receipt and state at once; where `settles` is given and every effect named there has landed at that revision, the job is done too. */
  landEffect(receipt: Receipt, settles: Settles | undefined, fence: number): Promise<{ jobDone: boolean }>;
  /** `unknown`, `held` or `failed`; with `job`, the job's state changes in the same transaction. */
  stopEffect(effectKey: string, stop: EffectStop, fence: number): Promise<void>;
  /** Changes nothing. @throws StaleFence when the effect was taken again since `fence` was given */
  checkFence(effectKey: string, fence: number): Promise<void>;
  /**
   * A person says how a request of unknown outcome ended. Landed: a receipt is written, and the job is done when
   * `settles` names nothing that is missing. Not landed: the effect may be sent again, as if it never was. A held job
   * with no question left waits again, its artifact kept. Whoever has the effect in hand loses it (L4). The same
   * answer again changes nothing.
   * @param decision with `sentAt`, it is about the request sent then, and about no later one
   * @throws UsageError when there is no such effect, or its outcome is not in doubt
   */
  decideEffect(
    effectKey: string,
    decision: EffectDecision & { readonly sentAt?: string | undefined },
    by: string,
    reason: string,
    settles?: Settles,
  ): Promise<{ readonly jobState: JobState }>;
  /** What was sent of the effects of these jobs that have landed; left out where nothing is known of that. */
  landedRequests(work: string, keys: readonly string[]): Promise<readonly LandedRequest[]>;
  /** Effects of unknown outcome, oldest first; of a batch: those of all jobs that it names. */
  openQuestions(batchId?: string): Promise<readonly OpenQuestion[]>;

  // --- approvals -----------------------------------------------------------------------------------------
  /** Whether this exact request may leave; asks for it when nobody has. The job is gated while it waits. */
  askApproval(request: ApprovalRequest, by: string): Promise<ApprovalAsked>;
  /** Those that wait, oldest first; all there ever were when `waiting` is false. */
  approvals(filter?: { batchId?: string; waiting?: boolean }): Promise<readonly Approval[]>;
  /** Noted with who, when and why. `already`: it was decided, or replaced by another request; nothing has changed. */
  decideApproval(
    approval: Pick<Approval, 'effectKey' | 'requestSha256'>,
    decision: 'approved' | 'rejected',
    by: string,
    reason: string,
  ): Promise<DecidedApproval>;

  // --- evidence ------------------------------------------------------------------------------------------
  /**
   * Notes what somebody asked for; one row for each job named, or one for the batch. Never changed, never deleted.
   * That a run was cancelled is noted once for each who asked, and each reason.
   * @param at when it was asked; now unless given. Given, the same request of that run and moment is noted once.
   */
  recordRequest(request: NewRequest, at?: string): Promise<void>;
  /** Oldest first; `limit` keeps the newest. */
  requests(filter?: {
    batchId?: string;
    batchName?: string;
    batchKey?: string;
    work?: string;
    jobKey?: string;
    what?: RequestKind;
    /** From then on; ISO 8601. */
    since?: string;
    limit?: number;
  }): Promise<readonly RequestRow[]>;
  /** Hands over all receipts of one moment, and the history on request, oldest first, in pages. */
  evidence(filter: { batchId?: string; history?: boolean }, sink: EvidenceSink): Promise<void>;

  // --- nights --------------------------------------------------------------------------------------------
  /** Notes what came of a time that a schedule was due. The same again, by the same run, changes nothing. */
  recordNight(night: NewNight): Promise<void>;
  /** Oldest first; `limit` keeps the newest. `since` is about when they were due. */
  scheduledNights(filter?: {
    schedule?: string;
    night?: string;
    /** Of nights that it served, or stood in the way of. */
    batchId?: string;
    since?: string;
    limit?: number;
  }): Promise<readonly NightRow[]>;
  /** Batches of that name which run or are paused, as far as the ledger was told; newest first. */
  openBatchesNamed(name: string): Promise<readonly BatchRow[]>;
  /** Notes how a schedule stands, so that its nights are known where no engine is; one row for each name. */
  keepSchedule(schedule: KeptSchedule): Promise<void>;
  markSchedulePaused(name: string, paused: boolean): Promise<void>;
  /** Its nights stay. */
  forgetSchedule(name: string): Promise<void>;
  /** By name. */
  keptSchedules(): Promise<readonly KeptSchedule[]>;

  // --- lanes ---------------------------------------------------------------------------------------------
  /**
   * Changes what all processes share of one account, in one transaction.
   * @param decide pure; may run more than once. The state that it was given: nothing is written
   * @param holder whose place is meant; the places of the lane are counted only for one
   */
  changeLane<T>(
    lane: LaneId,
    decide: LaneChange<T>,
    holder?: { readonly who: string; readonly batchId: string; readonly leaseMs: number },
  ): Promise<{ readonly result: T; readonly state: LaneState; readonly nowMs: number }>;
  /** Undefined while nobody had anything to say of it. */
  lane(id: string): Promise<{ readonly state: LaneState; readonly nowMs: number } | undefined>;
  lanes(): Promise<readonly LaneRow[]>;
  /** Renews places that are still held. @returns those that were lost, which stay so */
  keepPlaces(places: readonly HeldPlace[], leaseMs: number): Promise<readonly HeldPlace[]>;
  /** Forgets what was learnt and opens the way; sessions keep their places. False where there is no such lane. */
  resetLane(id: string, by: string): Promise<boolean>;
  /** What happened to lanes, oldest first; `limit` keeps the newest. */
  laneNotes(filter?: { since?: number; limit?: number }): Promise<readonly LaneNoteRow[]>;

  // --- reading -------------------------------------------------------------------------------------------
  /** Newest sequence number of `history`; 0 when empty. A start remembers it to tell what it did itself. */
  head(): Promise<number>;
  /** What is in it, for people to compare; `newestAt` is that of the newest change of state. */
  contents(): Promise<{
    readonly jobs: number;
    readonly receipts: number;
    readonly newestAt: string | undefined;
  }>;
  /** Counts by present state; cheap enough to be asked twice a second. `done` and `adopted` are split by `since`. */
  counts(
    batchId: string,
    since: number,
  ): Promise<Counts & { readonly waiting: number; readonly running: number; readonly gated: number }>;
  /** Jobs that this batch has finished after `since`, and by that time; ISO 8601. */
  finishedBefore(batchId: string, since: number, at: string): Promise<number>;
  /**
   * When something came of the work of a batch last: a job was done or stopped, an effect landed, an agent delivered. A session
   * that ran out of time, or was lost, is no such thing. Undefined: never.
   * @param enough where a job says one later than this, nothing else is asked; ISO 8601
   */
  lastMove(batchId: string, enough: string): Promise<string | undefined>;
  /**
   * When the first of what a batch has had in hand from a moment on was begun, or gone on with: sessions and effects under way,
   * and sessions that ran out of time or were lost. Undefined: nothing was begun since.
   * @param since ISO 8601
   */
  firstBegun(batchId: string, since: string): Promise<string | undefined>;
  totals(batchId: string, since: number): Promise<Totals>;
  /**
   * @param only `changedSince`: by this batch, at that moment or later; ISO 8601. `brief`: without what they used and cost.
   *   `notForDay`: without those that wait for the next day of a budget
   */
  jobReports(
    batchId: string,
    only?: {
      states?: readonly ShownJobState[];
      notForDay?: boolean;
      limit?: number;
      changedSince?: string;
      brief?: boolean;
    },
  ): Promise<readonly JobReport[]>;
  /** Jobs in progress, longest first. */
  activeJobs(batchId: string, limit: number): Promise<readonly ActiveJob[]>;
  /** How many jobs of a batch may have no session before a budget is raised or its day is over, and what one was told. */
  gatedByBudget(batchId: string): Promise<{ readonly jobs: number; readonly why: string }>;
  /** Oldest first; of a batch: those of all jobs that it names, whoever landed them. */
  receipts(filter: { batchId?: string; work?: string; jobKey?: string }): Promise<readonly ReceiptRow[]>;
  /** Oldest first; `limit` keeps the newest. */
  history(filter: {
    batchId?: string;
    work?: string;
    jobKey?: string;
    limit?: number;
  }): Promise<readonly HistoryRow[]>;
  /** Cost of all sessions run for a batch, in micro-units of the currency. */
  spend(of: { batchId: string }): Promise<number>;
  /** The same of one job, with the number of sessions that ran and told no cost. */
  spendOfJob(job: JobId): Promise<{ readonly micros: number; readonly unknown: number }>;
  /** How far the budgets of a batch are used, in micro-units; sites are those that it has begun sessions for. */
  budgetUse(
    batchId: string,
    limits: Pick<BudgetLimits, 'currency' | 'sessions' | 'tokens'>,
    today: { readonly from: Date; readonly until: Date },
  ): Promise<BudgetUse>;
  /** Of the last sessions of a work that a provider has delivered: how many told what they cost. */
  costsTold(of: {
    readonly work: string;
    readonly provider: string;
  }): Promise<{ readonly told: number; readonly untold: number }>;
  /** What the sessions of a work have cost that have ended and told it, in micro-units of that currency; undefined: none has. */
  costOfSessions(of: {
    readonly work: string;
    readonly currency: string;
  }): Promise<
    | { readonly sessions: number; readonly total: number; readonly low: number; readonly high: number }
    | undefined
  >;
  /** Hands over what each session used and cost, in pages, at one moment. */
  costs(filter: CostFilter, sink: (rows: readonly CostRow[]) => void): Promise<void>;
  /** What other jobs of the same work have made, newest first. */
  earlierArtifacts(job: JobId, limit: number): Promise<readonly EarlierArtifactRow[]>;
  /** Undefined where the ledger has never heard of it. */
  sessionOf(id: SessionId): Promise<KnownSession | undefined>;
  /** What people call an effect. Undefined where the ledger has never heard of it. */
  effectOf(effectKey: string): Promise<NamedEffect | undefined>;
  /** Jobs that were worked on, or that a batch names. @param filter.keyPrefix first characters of the key */
  namedJobs(filter?: { keyPrefix?: string }): Promise<readonly NamedJob[]>;
  /** Jobs that one of these is of: URL or id of what landed, key of an effect, id of a session at its service, id of a batch. */
  jobsOf(thing: string): Promise<readonly JobId[]>;
  /** All that is known of one job, over all batches and runs. Undefined where the ledger has never heard of it. */
  story(job: JobId): Promise<JobStory | undefined>;
  /** What the morning report of a batch is made of; undefined where no run of it was ever opened. */
  reportRows(batchId: string): Promise<ReportRows | undefined>;
  /** Facts that `doctor` shows. */
  inspect(): Promise<LedgerFacts>;
  close(): Promise<void>;
}

/** Another writer took over (L4). Whoever gets this stops without touching anything else. */
export class StaleFence extends Error {
  override readonly name = 'StaleFence';
}

/** A pause stands before what was to begin (`holdOf`). Nothing has changed. */
export class HeldBack extends Error {
  override readonly name = 'HeldBack';
  constructor(readonly hold: Hold) {
    super(holdText(hold));
  }
}

/** Where a job stands when it is about to begin something. */
export interface Gate {
  /** Workflow ID; undefined: what stands before every batch of that work and provider. */
  readonly batchId: string | undefined;
  readonly work: string;
  /** `agent.use` of the batch file. */
  readonly provider: string;
  /** A session of the job was begun, and what it made is not out yet. */
  readonly underWay: boolean;
}

export interface InHand {
  /** Sessions that a service is being asked for right now. */
  readonly starting: number;
  readonly sessions: number;
  /** Effects whose request is out. */
  readonly effects: number;
}

/** Who writes: enough to answer "who did this, in which run, on which try". */
export interface By {
  /** Workflow ID of the batch. */
  readonly batchId: string;
  readonly workflowId: string;
  readonly runId: string;
  /** Number of the Activity attempt, from 1; not a paid attempt. */
  readonly attempt: number;
  /** Host and process of the worker. */
  readonly worker: string;
}

export type JobsAsOf = Required<Pick<RequestedJobs, 'keys' | 'asOf'>> & Pick<RequestedJobs, 'alsoDiscarded'>;

export interface OpenBatch {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly work: string;
  readonly runId: string;
  /** JSON of the manifest reference. */
  readonly manifest: string;
  readonly jobs: number;
  readonly currency: string;
  /** Absolute path of the file that it was started from; undefined where it is not known. */
  readonly file?: string | undefined;
  readonly by: string;
}

export interface NamedEffect {
  readonly name: string;
  /** Of its job. */
  readonly identity: Readonly<Record<string, string>>;
  /** Name of the batch that had it in hand last; its Workflow ID where the ledger has lost it. */
  readonly batch: string;
}

/** What the plan said of a job of this batch. */
export type Verdict = 'new' | 'resume' | 'adopt' | 'update' | 'conflict' | 'parked' | 'held' | 'discarded';

export interface Member {
  readonly work: string;
  readonly jobKey: string;
  readonly identity: Readonly<Record<string, string>>;
  readonly verdict: Verdict;
  /** Why a conflict is one; names both fingerprints. */
  readonly note?: string;
}

export interface ListedJob extends Pick<JobReport, 'key' | 'identity'> {
  readonly state: ShownJobState;
}

export interface BatchRow extends Omit<OpenBatch, 'by'> {
  readonly state: BatchState;
  /** Hash of the definition of its newest start from a file; undefined where none was noted. */
  readonly askedDefinition: string | undefined;
  /** Head of `history` when this run was opened. */
  readonly openedSeq: number;
  readonly openedAt: string;
  readonly closedAt: string | undefined;
  readonly openedBy: string;
  /** Reason given for the present state, if any. */
  readonly reason: string | undefined;
  /** How strict its pause is; undefined while it is not paused. */
  readonly pauseLevel: PauseLevel | undefined;
  /** Who or what brought it into the present state. */
  readonly stateBy: string;
  /** Of its first job; undefined where its jobs have none. */
  readonly edition: string | undefined;
}

export interface KnownJob {
  readonly state: JobState;
  readonly fingerprint: string;
  readonly revision: number;
  readonly artifact: ArtifactRef | undefined;
  /** Sessions started for this job, ever. */
  readonly attempts: number;
  /** effect key -> state and revision it has reached. */
  readonly effects: ReadonlyMap<string, { readonly state: EffectState; readonly revision: number }>;
  readonly errorClass: ErrorClass | undefined;
  readonly errorMessage: string | undefined;
  /** Nobody knows what a session of it has done: none is begun before a person asks for it. */
  readonly heldForSession?: boolean;
  /** A person's decision that it will not be done, which stands for this revision. */
  readonly discarded?: Discard | undefined;
}

/** Who decided that a job will not be done, when, and why. */
export interface Discard {
  readonly by: string;
  readonly at: string;
  readonly reason: string;
}

export interface ClaimRequest extends JobId {
  readonly identity: Readonly<Record<string, string>>;
  readonly fingerprint: string;
  readonly revision: number;
  /** All that must have landed for the job to be done in this batch. */
  readonly effectKeys: readonly string[];
  readonly by: By;
}

/**
 * `finished`: the job is done at this payload and revision, every effect asked for has landed; nothing changes, so a
 * try that comes late can't undo what is done. `claimed`: state is `running`. A changed payload is accepted while no effect of the job was ever attempted
 * (nobody outside has seen the old one); it drops the old artifact. A higher revision is always accepted: it drops
 * the artifact and gives a fresh budget. Otherwise a changed payload, or a lower revision, is `conflict`, and
 * nothing changes. A parked job whose payload is the same is not claimed: a person decides (`requeue`), nor is a
 * discarded one below a higher revision. Sessions still
 * open for a dropped payload are ended as `cancelled`.
 */
export type Claim =
  | {
      readonly kind: 'claimed';
      readonly fence: number;
      /**
       * True when the ledger had never heard of the job before this run, and nothing was begun since: the destination
       * may know more than we do.
       */
      readonly fresh: boolean;
      /** Made by an earlier session for this very fingerprint and revision. */
      readonly artifact: ArtifactRef | undefined;
      /** Made by the newest session for this very payload, and not the job's yet: no check could look at it. */
      readonly unchecked: UncheckedArtifact | undefined;
      /** A session that was begun and not ended. */
      readonly openSession: SessionRow | undefined;
      /** Number that the next session gets, from 1; grows over all runs and revisions of the job. */
      readonly nextAttempt: number;
      /** How sessions for this very payload ended since the job last got a budget, oldest first. */
      readonly failures: readonly SessionFailure[];
      /** A session ran, or may have, since then, for whatever payload; also one that was cancelled, or made an artifact that is lost. */
      readonly ranBefore: boolean;
      /** Open sessions at work on an older payload: nobody goes on with them, and `endGivenUp` books each. */
      readonly givenUp: readonly SessionRow[];
    }
  | { readonly kind: 'finished' }
  | { readonly kind: 'conflict'; readonly fingerprint: string; readonly revision: number }
  | { readonly kind: 'parked' | 'held'; readonly errorClass: ErrorClass; readonly message: string };

/** What a session has made that is over and booked, while a check could not run. */
export interface UncheckedArtifact {
  readonly session: SessionRow;
  readonly artifact: ArtifactRef;
  /** As it was booked. */
  readonly usage: Usage;
}

/** The place of one user of a lane. */
export interface HeldPlace {
  readonly lane: string;
  readonly who: string;
}

export interface SessionId {
  readonly runKey: string;
  /** Paid attempt, from 1. */
  readonly attempt: number;
}

export interface KnownSession extends JobId {
  readonly state: SessionState;
  readonly jobState: JobState;
  /** A person has decided that its job will not be done. */
  readonly discarded?: true;
  readonly endedAt: string | undefined;
  /** As saved by the adapter. */
  readonly handle: unknown;
}

export interface NewSession extends SessionId, JobId {
  readonly provider: string;
  readonly revision: number;
  readonly by: By;
}

/** Whose budgets are asked for room. */
export interface RoomAsked extends JobId {
  readonly batchId: string;
  readonly provider: string;
  /** Of a job that the ledger need not know. */
  readonly site?: string;
}

/** A session without an end, and what its job does meanwhile. */
export interface AbandonedSession extends SessionId, JobId {
  readonly provider: string;
  readonly openedAt: string;
  readonly reservedMicros: number;
  readonly currency: string;
  readonly jobState: JobState;
  /** Of its job: of the try that held it when this was read. */
  readonly fence: number;
}

export interface SessionRow extends SessionId {
  readonly provider: string;
  /** Of the payload that it was begun for. */
  readonly revision: number;
  readonly state: SessionState;
  /** As saved by the adapter; undefined while only the intent is known. */
  readonly handle: unknown;
  /** When its intent was written. */
  readonly openedAt: string;
}

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  /** Whole micro-units of the currency (0.01 USD = 10,000). */
  readonly costMicros: number;
  /** Where the cost comes from; `none` means it is not known, not that it was free. */
  readonly costSource: 'provider' | 'price-table' | 'reported' | 'estimate' | 'reserved' | 'none';
  /** ISO 4217; that of the batch where absent. */
  readonly currency?: string;
  readonly model?: string;
  /** The prices that the cost was reckoned with. `date`: the day on which their source was read. */
  readonly priceTable?: { readonly id: string; readonly date: string };
}

/** Of a session that never ran, or whose use is not known. */
export const NOTHING_USED: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  costMicros: 0,
  costSource: 'none',
};

export interface SessionBudget {
  readonly limits: BudgetLimits;
  /** Cost at which the service itself stops a session. */
  readonly capMicros?: number;
}

/** Times are ISO 8601; `since` belongs to the span, `until` does not. */
export interface CostFilter {
  readonly since?: string;
  readonly until?: string;
  readonly batchId?: string;
  /** With the ids of each session at its service, which may be long. */
  readonly ids?: boolean;
}

/**
 * One paid attempt. `useful`: its artifact is the job's. `wasted`: with an error class as the reason, or `lost`,
 * `lost-artifact`, `cancelled`, `replaced` (another payload), `twin` (a start without an answer). `open`: under way.
 */
export type CostRow = SessionId &
  JobId & {
    readonly identity: Readonly<Record<string, string>>;
    readonly site: string | undefined;
    readonly batchId: string;
    readonly batchName: string | undefined;
    readonly provider: string;
    readonly model: string | undefined;
    /** Ids by which its service knows it, among what else its adapter keeps there; none unless they were asked for. */
    readonly ids: Readonly<Record<string, unknown>>;
    /** Run of the job's Workflow that began it. */
    readonly runId: string;
    readonly openedAt: string;
    readonly endedAt: string | undefined;
    readonly bookedAt: string | undefined;
    /** How often a later try went on with it instead of paying again. */
    readonly attached: number;
    readonly currency: string;
    readonly usage: Omit<Usage, 'model' | 'currency'>;
  } & (
    | { readonly use: 'useful' }
    | { readonly use: 'wasted'; readonly reason: string }
    | { readonly use: 'open'; readonly reservedMicros: number }
  );

/** `collected`: the artifact becomes the job's, at once or by `acceptArtifact`. All others are waste, whatever they cost. */
export type SessionEnd =
  | {
      readonly state: 'collected';
      readonly artifact: ArtifactRef;
      readonly usage: Usage;
      /** No check could look at it yet. */
      readonly unchecked?: true;
    }
  | FailedSession
  | CancelledSession;

interface WastedSession {
  readonly usage: Usage;
  /** Booked where nobody knows what it cost, and no budget has set anything aside for it. */
  readonly reserveMicros?: number;
  readonly message: string;
  /** What the session made although it failed; kept for inspection only. */
  readonly artifact?: ArtifactRef;
  /** Set when the budget is spent: the job is parked in the same transaction. */
  readonly job?: JobEnd;
}

export interface FailedSession extends WastedSession {
  readonly state: 'failed' | 'lost' | 'cancelled';
  readonly errorClass: ErrorClass;
}

/** Nothing went wrong: a person has cancelled its job. */
export interface CancelledSession extends WastedSession {
  readonly state: 'cancelled';
  readonly errorClass?: never;
}

/** Of a session that nobody goes on with, while its job does. */
export interface GivenUpEnd extends Omit<WastedSession, 'artifact' | 'job'> {
  readonly state: 'cancelled' | 'lost';
  readonly errorClass: ErrorClass;
}

export interface EffectId extends JobId {
  readonly effectKey: string;
  readonly name: string;
  readonly target: string;
  readonly use: string;
  readonly revision: number;
  /** Key of the effect that this one takes back; its receipt proves that it did. */
  readonly undoes?: string;
}

export interface EffectRow extends EffectId {
  readonly state: EffectState;
  readonly fence: number;
  /** When a request for the present revision first left; ISO 8601. */
  readonly firstSentAt: string | undefined;
  /** When a request for it last left. */
  readonly lastSentAt: string | undefined;
  /** Requests committed as `attempting`, over all runs. */
  readonly attempts: number;
  /** Hash of the body last committed as `attempting`. */
  readonly sentSha256: string | undefined;
  /** What the destination said of it, while no receipt proves it. */
  readonly acknowledged: (AcknowledgedPlace & { readonly at: string }) | undefined;
  /** The newest receipt, of whatever revision. */
  readonly receipt: Receipt | undefined;
  /** The revision that was last taken back: what landed up to it is not there any more, by our own doing. */
  readonly unpublishedRevision: number | undefined;
}

/** What the last request of an effect that landed was made from. */
export interface LandedRequest {
  readonly jobKey: string;
  readonly effectKey: string;
  readonly revision: number;
  /** Hash of artifact, options, revision and adapter. */
  readonly sentSha256: string;
  /** Hash of what the job has by now; another one where the agent was run again since. */
  readonly artifact: string;
  /** That had it when the receipt was written. */
  readonly batchId: string;
}

/** One exact request that needs a person's yes. */
export interface ApprovalRequest extends JobId, Approving {
  readonly effectKey: string;
  /** Of artifact, options, revision and adapter. */
  readonly requestSha256: string;
  readonly name: string;
  readonly target: string;
  readonly use: string;
  readonly revision: number;
  /** Hash of the artifact. */
  readonly artifact: string;
  readonly batchId: string;
}

export type ApprovalAsked =
  | { readonly kind: 'approved' }
  | { readonly kind: 'waiting'; readonly message: string; readonly delayMs: number | undefined }
  | { readonly kind: 'held'; readonly errorClass: 'rejected' | 'timeout'; readonly message: string };

/** `replaced`: the job has another artifact, or is sent with other options, by now. */
export type ApprovalState = 'waiting' | 'approved' | 'rejected' | 'replaced';

export interface Approval extends Omit<ApprovalRequest, 'timeoutMs'> {
  readonly identity: Readonly<Record<string, string>>;
  readonly jobState: JobState;
  readonly state: ApprovalState;
  readonly askedAt: string;
  readonly dueAt: string | undefined;
  readonly decidedAt: string | undefined;
  readonly decidedBy: string | undefined;
  readonly reason: string | undefined;
  /** What it would change; absent: it creates. */
  readonly updates?: { readonly revision: number; readonly place: string; readonly sha256: string };
}

export type DecidedApproval =
  | {
      readonly kind: 'decided';
      /** It had run out of time: the next start goes on. */ readonly jobHeld: boolean;
    }
  | {
      readonly kind: 'already';
      readonly state: ApprovalState;
      readonly by: string | undefined;
      readonly at: string | undefined;
      readonly reason: string | undefined;
    };

/** Where an effect is, in the destination's own words. */
export interface AcknowledgedPlace {
  readonly id: string;
  readonly url?: string;
}

/** `url` where a person finds it. */
export type EffectDecision =
  { readonly landed: true; readonly id: string; readonly url?: string } | { readonly landed: false };

/** All that a person needs to look at the destination and answer. */
export interface OpenQuestion extends EffectId {
  readonly identity: Readonly<Record<string, string>>;
  readonly state: EffectState;
  /** `held`: nothing goes on without an answer. Else the next try may still find out by itself. */
  readonly jobState: JobState;
  readonly batchId: string;
  readonly firstSentAt: string | undefined;
  readonly lastSentAt: string | undefined;
  readonly attempts: number;
  /** What the last try said. */
  readonly message: string;
}

/** A job that waits for a person, and why. */
export interface StoppedJob extends Pick<
  JobReport,
  'key' | 'identity' | 'error' | 'lastArtifact' | 'lastOutput'
> {
  readonly state: ShownJobState;
}

export interface DiscardRequest {
  readonly by: string;
  readonly reason: string;
  readonly selection: JobSelection;
}

/** `discarded` · `already`: it was before, by whom `why` says · `refused`: nothing has changed, and `why` says what to do first */
export interface Discarding {
  readonly key: string;
  /** Undefined for a key that the batch does not have. */
  readonly identity: JobReport['identity'] | undefined;
  readonly outcome: 'discarded' | 'already' | 'refused';
  readonly why?: string;
}

export type { RequestKind, RequestOutcome } from '../contract/requests.js';

export interface NewRequest {
  readonly by: string;
  readonly what: RequestKind;
  readonly outcome: RequestOutcome;
  readonly reason?: string;
  readonly batch?: { readonly id: string; readonly name: string; readonly key: string };
  readonly work?: string;
  readonly jobKeys?: readonly string[];
  readonly runId?: string;
}

export interface RequestRow {
  readonly seq: number;
  readonly at: string;
  readonly by: string;
  readonly what: RequestKind;
  readonly outcome: RequestOutcome;
  readonly reason: string | undefined;
  readonly batch: NewRequest['batch'];
  readonly work: string | undefined;
  readonly jobKey: string | undefined;
  readonly runId: string | undefined;
}

export interface Settles extends JobId {
  /** All effects of the job in this batch; the job is done when each has landed at `revision` or later. */
  readonly effectKeys: readonly string[];
  readonly revision: number;
  /** `adopted` when nothing was sent by us. */
  readonly state: 'done' | 'adopted';
}

export interface EffectStop {
  readonly state: 'unknown' | 'held' | 'failed';
  readonly errorClass: ErrorClass;
  readonly message: string;
  readonly job?: JobEnd;
}

export interface ActiveJob extends JobId {
  readonly identity: Readonly<Record<string, string>>;
  readonly state: JobState;
  /** `agent`, or the name of the effect in hand. */
  readonly step: string;
  /** It has no session under way, and nothing that one has made: it waits for a place, a service, or its turn. */
  readonly sessionless: boolean;
  /** When it came into progress; further tries and steps do not change it. */
  readonly since: string;
}

export interface ReceiptRow extends Receipt {
  readonly work: string;
  readonly jobKey: string;
  readonly identity: Readonly<Record<string, string>>;
  readonly name: string;
  readonly target: string;
  readonly use: string;
  /** The batch that it landed in. */
  readonly batchId: string;
  /** Key of the effect that it took back. */
  readonly undoes?: string;
  /** The person who said that it landed, where no look-up could. */
  readonly decidedBy?: string;
  /** Base64. Absent: written before receipts were signed. */
  readonly signature?: string;
  /** Id of the key that signed it. */
  readonly signedBy?: string;
}

/** A receipt with all that its signature covers. */
export interface EvidenceRow extends ReceiptRow {
  readonly recordedAt: string;
}

/** Takes what `evidence` hands over, in this order. */
export interface EvidenceSink {
  /** May be called again: the database broke off, and what was handed over before is void. */
  begin(about: {
    readonly receipts: number;
    readonly unsigned: number;
    readonly history: number;
    /** Key id -> public key (PEM) of all keys that ever signed here. */
    readonly keys: Readonly<Record<string, string>>;
  }): Promise<void>;
  receipts(rows: readonly EvidenceRow[]): Promise<void>;
  history(rows: readonly HistoryRow[]): Promise<void>;
}

export interface HistoryRow {
  readonly seq: number;
  readonly at: string;
  readonly kind: 'batch' | 'job' | 'session' | 'effect';
  readonly subject: string;
  readonly from: string | undefined;
  readonly to: string;
  readonly by: string;
  readonly detail: string | undefined;
}

export interface LaneId {
  readonly id: string;
  /** Names the account to people; no secret. */
  readonly label: string;
}

export type LaneChange<T> = (
  state: LaneState,
  nowMs: number,
  places: Places | undefined,
) => {
  readonly state: LaneState;
  readonly result: T;
  readonly notes?: readonly LaneNote[];
  /** The holder's place is taken, or given back. */
  readonly place?: { readonly tokens: number } | 'free' | undefined;
};

export interface LaneRow extends LaneId {
  readonly state: LaneState;
  /** Places that are held. */
  readonly sessions: number;
  /** By the clock that the state's times are of. */
  readonly nowMs: number;
}

export interface LaneNoteRow {
  readonly seq: number;
  readonly at: string;
  readonly lane: string;
  readonly label: string;
  readonly what: LaneNote['what'];
  readonly cause: LaneNote['cause'];
  readonly why: string;
  readonly retryAt: string | undefined;
}

export interface LedgerFacts {
  readonly path: string;
  readonly dialect: 'sqlite' | 'postgres';
  readonly engineVersion: string;
  readonly schemaVersion: string;
  /** Name -> value of the settings that durability rests on. */
  readonly settings: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
  /** How far the clock of the database's host is before ours, where hosts share it. */
  readonly clockAheadMs?: number;
}

/**
 * What came of a time that a schedule was due. `started`, `joined` (a run of the very batch was under way) and
 * `finished` (it was done already) are what is wished for; `empty`: its list had no jobs, which is no trouble · `attached`: an earlier night, still running, serves this one ·
 * `queued`: waits for the end of another night · `skipped`: another night was running · `stale`: a worker came too late ·
 * `missed`: nobody took it in time · `paused`: the schedule was · `repeated`: the clock showed that time twice ·
 * `failed`: the batch could not be read or started.
 */
export type NightOutcome =
  | 'started'
  | 'joined'
  | 'finished'
  | 'empty'
  | 'attached'
  | 'queued'
  | 'skipped'
  | 'stale'
  | 'missed'
  | 'paused'
  | 'repeated'
  | 'failed';

export interface NewNight {
  readonly schedule: string;
  /** Local date and time, `2026-11-23T02:30`. */
  readonly night: string;
  /** ISO 8601, UTC. */
  readonly dueAt: string;
  readonly edition: string;
  readonly outcome: NightOutcome;
  /** For people. */
  readonly why: string;
  readonly by: string;
  readonly batchId?: string;
  /** The run that says so. */
  readonly runId: string;
}

export interface NightRow extends Omit<NewNight, 'batchId'> {
  readonly seq: number;
  readonly at: string;
  readonly batchId: string | undefined;
}

/** A schedule as it was last applied, or last came due. */
export interface KeptSchedule {
  readonly definition: ScheduleDefinition;
  /** Name of its batch. */
  readonly batchName: string;
  /** Hash of the stored definition that names who is told. */
  readonly channels: string;
  readonly paused: boolean;
}
