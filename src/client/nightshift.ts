import type { BatchInCode } from '../batch/define-batch.js';
import { tryReadBatch, type Batch } from '../batch/read-batch.js';
import { resolveConfig, type Config } from '../config.js';
import type { ApprovalChoice } from '../contract/approval.js';
import type { HoldScope, WideHold } from '../contract/holds.js';
import type { JobSelection } from '../contract/job-selection.js';
import type { ControlState, Progress } from '../contract/messages.js';
import type { PlanFile } from '../contract/plan-file.js';
import type { RunReport } from '../contract/result.js';
import { isUnderWay } from '../contract/states.js';
import type { Engine } from '../engine/index.js';
import type {
  AbandonedSession,
  BatchRow,
  Discarding,
  EffectDecision,
  HistoryRow,
  OpenQuestion,
  ReceiptRow,
  RequestRow,
  StoppedJob,
} from '../ledger/ledger.js';
import type { EndOptions } from './abandoned.js';
import type { AlertsRequest, AlertsSeen } from './alerts.js';
import type { NightsRequest } from './check-nights.js';
import type { ChannelAnswer } from '../ledger/alert-rows.js';
import type { Backup, BackupRequest, Restoration, RestoreRequest } from './backup.js';
import type { Cleaned, CleanOptions } from './clean-runs.js';
import { Connections, type Notify, type WhileHosting } from './connections.js';
import { costReport, type CostReport, type CostsRequest } from './costs.js';
import { parseBatchWorkflowId } from '../identity/workflow-ids.js';
import { batchWordsNow } from '../policy/batch-words.js';
import type { Among, ApprovalDecided, WaitingApproval } from './approvals.js';
import type { Decided } from './decide.js';
import type { Drill, DrillRequest } from './drill.js';
import { doctor, type Finding } from './doctor.js';
import { assertEdition, withEditionHint } from './edition.js';
import { batchMeant } from './find-batch.js';
import type { Exported, ExportRequest } from './export.js';
import { resetLane, seeLanes, type LanesSeen, type LaneStatus } from './lanes.js';
import type { Cancelled } from './cancel-all.js';
import type { Widened } from './concurrency-all.js';
import type { Lifted, Placed } from './holds.js';
import type { Answer, CancelState, PauseOptions } from './operate.js';
import type { RemoteSession, SweepOptions } from './orphans.js';
import { withHold, type ListedBatch } from './hold-over.js';
import { planBatch, type Plan } from './plan.js';
import { leftToDo } from './left-to-do.js';
import { preflight, preflightOfRest } from './preflight.js';
import { preflightWorker } from './preflight-worker.js';
import type { Rebuilt } from './rebuild-ledger.js';
import type { RehearseOptions } from './rehearse.js';
import type { AgentRehearsalOptions, PlanWithAgent } from './rehearse-with-agent.js';
import type { ReportMade, ReportRequest } from './report.js';
import type { Retried } from './retry.js';
import type { RetriedBatch, ToRetry, WideSelection } from './retry-all.js';
import { schedulesWith, type Schedules } from './schedules/schedules.js';
import { startAmongOthers, type Started, type WontDo } from './start.js';
import { batchStatus, type BatchStatus } from './status.js';
import type { AlsoRun } from './to-retry.js';
import type { JobQuery, JobTrace } from './trace/trace-job.js';
import type { UnpublishedJob } from './unpublish.js';
import { findUntold, type Untold } from './untold.js';
import type { Verification } from './verify-ledger.js';
import { watchBatch, type WatchOptions } from './watch.js';
import { WorkerHost, isWorkerAlive, isWorkerHereAlive } from './worker-host.js';

export interface NightshiftOptions {
  /** State directory; `.nightshift` of the working directory unless NIGHTSHIFT_STATE says otherwise. */
  readonly state?: string;
  readonly taskQueue?: string;
  /**
   * What jobs get as `edition` that have none, in batches whose identity names it; and which batch of a name is meant.
   */
  readonly edition?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Told what takes a while: an engine being downloaded or started, a lost connection. */
  readonly onProgress?: Notify;
  /**
   * Goes around what hosts a worker while none lives and takes no signal of its own, as `cancel`, `unpublish` and a `retry`
   * into a run under way do: where the signal that it hands on aborts, that worker stops in good order, and the call
   * ends with `WatchStopped`.
   */
  readonly whileHosting?: WhileHosting;
}

export interface StartOptions {
  /** Who or what asks to start; kept in the ledger. */
  readonly by?: string;
  /** Whether this process is to run the jobs while no worker does: then what it lacks for that is said first. */
  readonly host?: boolean;
}

export interface RunOptions extends StartOptions, WatchOptions {
  /** Told once the batch is started or joined. */
  readonly onStarted?: (started: Started) => void;
}

/**
 * Everything the command line does, one call each. Nothing is connected or started before it is needed; `close`
 * gives everything back. Batches go by name (the run opened last) or by Workflow ID.
 */
export interface Nightshift {
  readonly config: Config;
  /**
   * @param source path of a batch file, or what `defineBatch` gave
   * @throws InvalidBatch with every problem found; NothingToDo where the list of jobs is empty; UsageError for an
   *   edition that is no night
   */
  read(source: string | BatchInCode): Promise<Batch>;
  /** What a run would do. Changes nothing, and needs no engine. */
  plan(batch: Batch): Promise<Plan>;
  /** The same with every destination asked. Publishers can only look, and the ledger is only read. */
  rehearse(batch: Batch, options?: RehearseOptions): Promise<Plan>;
  /** The same with sessions run and their artifacts kept, apart from all real runs. Performs no effect. @throws UsageError; NotNow */
  rehearseWithAgent(batch: Batch, options?: AgentRehearsalOptions): Promise<PlanWithAgent>;
  /** Writes a plan to a file for `bind`. @throws UsageError when the file is there, or `without` names nothing */
  savePlan(batch: Batch, plan: Plan, path: string, without?: readonly string[]): Promise<PlanFile>;
  /** The batch, bound by a saved plan: started, it does nothing else. @throws PlanChanged; UsageError when it is no plan */
  bind(batch: Batch, path: string): Promise<Batch>;
  /** What nobody but a person can tell of a batch, before anything starts. */
  untold(batch: Batch): Promise<Untold>;
  /** Starts the batch, joins its run under way, or finds it finished. Does not wait, and hosts no worker. */
  start(batch: Batch, options?: StartOptions): Promise<Started>;
  /** Waits for a started batch; hosts a worker while no other does. */
  watch(started: Started, options?: WatchOptions): Promise<RunReport>;
  /** `start`, then `watch`. */
  run(batch: Batch, options?: RunOptions): Promise<RunReport>;
  /** A handle on the run of a batch opened last, to watch it, or to see what came of it. @throws UsageError when there is none */
  find(nameOrId: string): Promise<Started>;
  /** What means a batch on the command line, to be typed now: its name, where that is enough. @param workflowId its ID */
  wordsFor(workflowId: string): Promise<readonly string[]>;
  status(nameOrId: string): Promise<BatchStatus>;
  list(limit?: number): Promise<readonly ListedBatch[]>;
  /** What workers share of each account: its limits, and what is closed until when. */
  lanes(): Promise<LanesSeen>;
  /** What a person has to see to, and messages that reached nobody. */
  alerts(request?: AlertsRequest): Promise<AlertsSeen>;
  /** Sends a test message through every channel of a batch file. @returns what each of them said */
  testAlerts(file?: string): Promise<readonly ChannelAnswer[]>;
  /** Whether nights happened, did something, and are over; tells the channels when not. Needs no engine. */
  checkNights(request: NightsRequest): Promise<readonly Finding[]>;
  /** Opens a lane now. @param id whole, or its first characters @param reason why; kept in the ledger @throws UsageError */
  resetLane(id: string, reason?: string): Promise<LaneStatus>;
  /** Nothing new begins once this answers; at which level, is said at `PauseLevel`. */
  pause(nameOrId: string, options?: PauseOptions): Promise<Answer<ControlState>>;
  /** Pauses jobs beyond one batch, also of batches that start later, until `liftHold`. */
  placeHold(scope: HoldScope, options?: PauseOptions): Promise<Placed>;
  liftHold(scope: HoldScope, reason?: string): Promise<Lifted>;
  /** Pauses beyond one batch that are on. */
  holds(): Promise<readonly WideHold[]>;
  /** Jobs in progress at once, 1 to 500. @param reason why; kept in the ledger @throws UsageError */
  setConcurrency(nameOrId: string, concurrency: number, reason?: string): Promise<Answer<ControlState>>;
  /** The same in each batch of a work, of a provider, or of everything that is under way; not in those that start later. @throws UsageError */
  setConcurrencyAll(scope: HoldScope, concurrency: number, reason?: string): Promise<readonly Widened[]>;
  resume(nameOrId: string, reason?: string): Promise<Answer<ControlState>>;
  cancel(nameOrId: string, reason?: string): Promise<Answer<CancelState>>;
  /** Ends all batches of a work, of a provider, or of everything that are under way; not those that start later. @throws UsageError */
  cancelAll(scope: HoldScope, reason?: string): Promise<readonly Cancelled[]>;
  /**
   * Parked jobs run again with a fresh budget: all, or those meant; held ones where their keys are given. Starts the
   * batch again when it has ended. @param reason why; kept in the ledger @param rate of a batch that has ended: no more jobs
   * begin in that time, such as `40/m` @throws UsageError; AdapterError where this host can't run them, or their list is
   * lost. Whatever it throws before its start, no job is changed
   */
  retry(nameOrId: string, selection?: JobSelection, reason?: string, rate?: string): Promise<Retried>;
  /**
   * The same for parked jobs of all batches of a work, of a provider, or of everything; watches none of them. @throws
   * UsageError when no batch has ever had that work or provider
   */
  retryAll(scope: HoldScope, selection?: WideSelection, reason?: string): Promise<readonly RetriedBatch[]>;
  /** The jobs that `retryAll` would take, by batch. Changes nothing, and needs no engine. @throws UsageError */
  toRetryAll(scope: HoldScope, selection?: WideSelection): Promise<readonly ToRetry[]>;
  /** The jobs that `retry` would take, in the order of the batch. Changes nothing, and needs no engine. @throws UsageError */
  toRetry(nameOrId: string, selection?: JobSelection): Promise<readonly StoppedJob[]>;
  /** Other unfinished jobs, which a retry of those goes on with: a batch that has ended is started as a whole. As `toRetry`. */
  alsoRuns(nameOrId: string, selection?: JobSelection): Promise<readonly AlsoRun[]>;
  /**
   * Decides that stopped jobs will not be done: those of these keys, or the parked of these error classes. No start runs
   * them below a higher revision, until `retry` names them. @returns what came of each @throws UsageError
   */
  discard(nameOrId: string, selection: JobSelection, reason: string): Promise<readonly Discarding[]>;
  /** Effects of unknown outcome, which only a person can settle; of one batch, of a work or a provider, or all. */
  openQuestions(among?: string | HoldScope): Promise<readonly OpenQuestion[]>;
  /** A person's answer to one of them. Starts nothing. @throws UsageError when no such question is open */
  decide(effectKey: string, decision: EffectDecision, reason?: string): Promise<Decided>;
  /** Effects that wait for a person's yes, with what would happen; of one batch, of a work or a provider, or all. */
  approvals(among?: string | HoldScope): Promise<readonly WaitingApproval[]>;
  /** Yes or no to some of them; what was decided before stays so, and is told. @throws UsageError */
  decideApprovals(
    choice: ApprovalChoice & { readonly nameOrId?: string; readonly scope?: HoldScope },
    decision: 'approved' | 'rejected',
    reason?: string,
  ): Promise<readonly ApprovalDecided[]>;
  /** Takes landed effects of jobs back, as their destinations can. Hosts a worker while no other does. */
  unpublish(
    nameOrId: string,
    keys: readonly string[],
    options?: { readonly effect?: string; readonly reason?: string },
  ): Promise<readonly UnpublishedJob[]>;
  /** Compares receipts with what the destinations have; of one batch, or all. Sends look-ups only. */
  verify(nameOrId?: string, onJob?: (jobs: number) => void): Promise<Verification>;
  /** Writes receipts for what the destinations have of a batch and the ledger lacks. Sends look-ups only. */
  rebuild(batch: Batch, onJob?: (jobs: number) => void): Promise<Rebuilt>;
  receipts(filter?: { readonly nameOrId?: string; readonly jobKey?: string }): Promise<readonly ReceiptRow[]>;
  history(filter: {
    readonly nameOrId?: string;
    readonly jobKey?: string;
    readonly limit?: number;
  }): Promise<readonly HistoryRow[]>;
  /** Who asked for what, and what came of it; oldest first, `limit` keeps the newest. */
  requests(filter?: {
    readonly nameOrId?: string;
    readonly jobKey?: string;
    readonly limit?: number;
  }): Promise<readonly RequestRow[]>;
  /** Everything one job did, over all batches and runs; starts no engine. @throws UsageError unless one job fits */
  trace(query: JobQuery): Promise<JobTrace>;
  /** What sessions cost, useful and wasted; of one batch, or all. @throws UsageError when a day is none */
  costs(request?: CostsRequest & { readonly nameOrId?: string }): Promise<CostReport>;
  /** The morning report of a batch, the newest unless named, afresh from the ledger. @throws UsageError when there is no such batch */
  report(request?: ReportRequest): Promise<ReportMade>;
  /** Writes receipts to a file that `verifyReceipts` proves anywhere. @throws UsageError when the file is there already */
  exportReceipts(request: Omit<ExportRequest, 'batchId'> & { readonly nameOrId?: string }): Promise<Exported>;
  /** A checked copy of the ledger, while it is in use. */
  backUp(request: BackupRequest): Promise<Backup>;
  /** Puts a backup in the place of the ledger, which stays beside it. Refused while anybody uses it. */
  restore(request: RestoreRequest): Promise<Restoration>;
  /**
   * What a restore of a backup would come to for these batches: from a copy of it, or from a database that one was
   * restored into. Sends look-ups only, changes nothing.
   */
  drill(request: DrillRequest, batches: readonly Batch[], options?: RehearseOptions): Promise<Drill>;
  /** Looks through the sessions at the agent service of a batch, and ends those that no job owns when asked to. */
  sweep(batch: Batch, options: SweepOptions): Promise<readonly RemoteSession[]>;
  /** Sessions in the ledger that no job watches any more; with `end`, they are booked as lost. */
  abandoned(options?: Partial<EndOptions>): Promise<readonly AbandonedSession[]>;
  /** Takes away what programs of done jobs have left on this host. Needs no engine. @throws UsageError */
  clean(options: CleanOptions): Promise<Cleaned>;
  /** @param batch its channels, the service of its agent, and its destinations are looked at too */
  doctor(batch?: Batch): Promise<readonly Finding[]>;
  /** Nights: when batches start by themselves. */
  readonly schedules: Schedules;
  /** Hosts a worker until `stop`, whether or not it has work. */
  host(): Promise<WorkerHost>;
  /** The engine in use; found, or started, when first asked for. @throws EngineUnavailable */
  engine(): Promise<Pick<Engine, 'kind' | 'address' | 'namespace' | 'webUi'>>;
  /** Whether any worker would take work now. */
  isWorkerAlive(): Promise<boolean>;
  /** Whether one of this host does. */
  isWorkerHereAlive(): Promise<boolean>;
  close(): Promise<void>;
}

export function createNightshift(options: NightshiftOptions = {}): Nightshift {
  const { state, taskQueue, edition, env, onProgress, whileHosting } = options;
  const config = resolveConfig(
    { ...(state !== undefined && { state }), ...(taskQueue !== undefined && { taskQueue }) },
    env,
  );
  const connections = new Connections(config, onProgress ?? (() => undefined), 'use', whileHosting);
  const looking = new Connections(config, onProgress ?? (() => undefined), 'look');

  const resolve = async (nameOrId: string): Promise<BatchRow> =>
    batchMeant({ nameOrId, edition }, await connections.ledger(), config.stateDir);
  const optionally = async (nameOrId: string | undefined): Promise<{ readonly batchId?: string }> =>
    nameOrId === undefined ? {} : { batchId: (await resolve(nameOrId)).id };

  const amongOf = async (among: string | HoldScope | undefined): Promise<Among> =>
    typeof among === 'string' ? { batchId: (await resolve(among)).id } : { scope: among ?? { kind: 'all' } };

  const nightshift: Nightshift = {
    config,
    read: async (source) => {
      const read = await tryReadBatch(source, { edition, ...(onProgress && { onProgress }) });
      const { batch, nothing } = read;
      if (nothing) throw nothing;
      if (!batch) return preflightOfRest(await withEditionHint(read, () => looking.ledger()), config);
      await assertEdition(batch, () => looking.ledger());
      const left = async () => leftToDo(batch, await looking.ledger());
      const notes = await preflight(batch, config, undefined, left);
      return { ...batch, notes: [...(batch.notes ?? []), ...notes] };
    },
    plan: (batch) => planBatch(batch, looking),
    rehearse: async (batch, rehearseOptions) =>
      (await import('./rehearse.js')).rehearseBatch(batch, looking, rehearseOptions),
    rehearseWithAgent: async (batch, rehearseOptions) =>
      (await import('./rehearse-with-agent.js')).rehearseWithAgent(batch, looking, {
        ...(onProgress && { notify: onProgress }),
        ...rehearseOptions,
      }),
    savePlan: async (batch, plan, path, without) => {
      const { planFileOf, writePlanFile } = await import('./plan-file.js');
      const file = planFileOf(plan, batch, without);
      await writePlanFile(path, file);
      return file;
    },
    bind: async (batch, path) => {
      const { boundBy, readPlanFile } = await import('./plan-file.js');
      const file = await readPlanFile(path);
      const now = file.looked ? await nightshift.rehearse(batch) : await nightshift.plan(batch);
      return boundBy(file, now, batch);
    },
    untold: (batch) => findUntold(batch, connections),
    start: (batch, { by, host = false } = {}) =>
      startAmongOthers(batch, connections, by, () => preflightWorker(batch, connections, host)),
    watch: (started, watchOptions) => watchBatch(started, connections, watchOptions),
    run: async (batch, { by, onStarted, ...watchOptions } = {}) => {
      const hosts = watchOptions.host !== false;
      const started = await startAmongOthers(batch, connections, by, () =>
        preflightWorker(batch, connections, hosts),
      );
      onStarted?.(started);
      return watchBatch(started, connections, watchOptions);
    },
    find: async (nameOrId) => {
      // Figures of the run as a whole: this call starts nothing of its own.
      const { id, name, key, runId, state, openedSeq, file, edition: night } = await resolve(nameOrId);
      const found = { how: 'joined', name, key, workflowId: id, runId, since: openedSeq, file } as const;
      return { ...found, edition: night, ...(!isUnderWay(state) && { ended: state }) };
    },
    wordsFor: async (workflowId) => {
      const ledger = await connections.ledger();
      const row = await ledger.batch(workflowId);
      if (row !== undefined) return batchWordsNow(row, await ledger.namesakes(row));
      return [parseBatchWorkflowId(workflowId)?.name ?? workflowId];
    },
    status: async (nameOrId) => batchStatus(await resolve(nameOrId), connections),
    list: async (limit) => {
      const rows = await (await connections.ledger()).batches(limit, edition);
      return Promise.all(rows.map((row) => withHold(row, connections)));
    },
    lanes: () => seeLanes(connections),
    alerts: async (request) => (await import('./alerts.js')).seeAlerts(connections, request),
    testAlerts: async (file) => (await import('./alerts.js')).testAlerts(connections, file),
    checkNights: async (request) => (await import('./check-nights.js')).checkNights(request, connections),
    resetLane: (id, reason) => resetLane(id, connections, reason),
    pause: async (nameOrId, pauseOptions) =>
      (await operate()).controlBatch('pause', await resolve(nameOrId), connections, pauseOptions),
    placeHold: async (scope, { reason, level } = {}) =>
      (await operate()).placeHold(scope, level, connections, reason),
    liftHold: async (scope, reason) => (await operate()).liftHold(scope, connections, reason),
    holds: async () => (await connections.ledger()).holds(),
    setConcurrency: async (nameOrId, concurrency, reason) =>
      (await operate()).setConcurrency(await resolve(nameOrId), concurrency, connections, reason),
    setConcurrencyAll: async (scope, concurrency, reason) =>
      (await operate()).setConcurrencyAll(scope, concurrency, connections, reason),
    resume: async (nameOrId, reason) =>
      (await operate()).controlBatch('resume', await resolve(nameOrId), connections, {
        ...(reason !== undefined && { reason }),
      }),
    cancel: async (nameOrId, reason) =>
      (await operate()).cancelBatch(await resolve(nameOrId), connections, reason),
    cancelAll: async (scope, reason) => (await operate()).cancelAll(scope, connections, reason),
    retry: async (nameOrId, selection = {}, reason?: string, rate?: string) =>
      (await operate()).retryBatch(await resolve(nameOrId), connections, selection, reason, rate),
    retryAll: async (scope, selection, reason) =>
      (await import('./retry-all.js')).retryAll(scope, connections, selection, reason),
    toRetryAll: async (scope, selection) =>
      (await import('./retry-all.js')).toRetryAll(scope, connections, selection),
    toRetry: async (nameOrId, selection) =>
      (await import('./to-retry.js')).toRetry(await resolve(nameOrId), connections, selection),
    alsoRuns: async (nameOrId, selection) =>
      (await import('./to-retry.js')).alsoRuns(await resolve(nameOrId), connections, selection),
    discard: async (nameOrId, selection, reason) =>
      (await import('./discard.js')).discardJobs(await resolve(nameOrId), connections, selection, reason),
    openQuestions: async (among) => (await operate()).questionsAmong(await amongOf(among), connections),
    decide: async (effectKey, decision, reason = '') =>
      (await operate()).decideEffect(effectKey, decision, connections, reason),
    approvals: async (among) => (await operate()).waitingApprovals(await amongOf(among), connections),
    decideApprovals: async ({ nameOrId, scope, ...choice }, decision, reason = '') =>
      (await operate()).decideApprovals(
        choice,
        await amongOf(nameOrId ?? scope),
        decision,
        connections,
        reason,
      ),
    unpublish: async (nameOrId, keys, unpublishOptions) =>
      (await operate()).unpublishJobs(await resolve(nameOrId), keys, connections, unpublishOptions),
    verify: async (nameOrId, onJob) => {
      const batches =
        nameOrId === undefined
          ? await (await connections.ledger()).batches(Number.MAX_SAFE_INTEGER)
          : [await resolve(nameOrId)];
      return (await import('./verify-ledger.js')).verifyLedger(batches, connections, onJob);
    },
    rebuild: async (batch, onJob) =>
      (await import('./rebuild-ledger.js')).rebuildLedger(batch, connections, onJob),
    receipts: async ({ nameOrId, jobKey } = {}) =>
      (await connections.ledger()).receipts({
        ...(await optionally(nameOrId)),
        ...(jobKey !== undefined && { jobKey }),
      }),
    history: async ({ nameOrId, jobKey, limit }) =>
      (await connections.ledger()).history({
        ...(await optionally(nameOrId)),
        ...(jobKey !== undefined && { jobKey }),
        ...(limit !== undefined && { limit }),
      }),
    requests: async ({ nameOrId, jobKey, limit } = {}) =>
      (await connections.ledger()).requests({
        ...(await optionally(nameOrId)),
        ...(jobKey !== undefined && { jobKey }),
        ...(limit !== undefined && { limit }),
      }),
    trace: async (query) => (await import('./trace/trace-job.js')).traceJob(query, connections),
    costs: async ({ nameOrId, ...request } = {}) =>
      costReport(await connections.ledger(), request, (await optionally(nameOrId)).batchId),
    report: async (request) =>
      (await import('./report.js')).reportNight(
        { ...request, ...(edition !== undefined && { edition }) },
        connections,
      ),
    exportReceipts: async ({ nameOrId, ...request }) =>
      (await import('./export.js')).exportReceipts(await connections.ledger(), connections.signer, {
        ...request,
        ...(await optionally(nameOrId)),
      }),
    backUp: async (request) => (await import('./backup.js')).backUp(config, request),
    restore: async (request) => {
      await connections.close(); // a ledger that this process has open is in use like any other
      return (await import('./backup.js')).restore(config, request, connections.who);
    },
    drill: async (request, batches, drillOptions) =>
      (await import('./drill.js')).drill(request, batches, looking, drillOptions),
    doctor: async (batch) => [
      ...(await doctor(connections)),
      ...(batch ? await (await import('./channel-problems.js')).channelFindings(batch, config.env) : []),
      ...(batch ? await (await import('./probe-agent.js')).probeAgent(batch, connections) : []),
      ...(batch ? await (await import('./probe-destinations.js')).probeDestinations(batch, connections) : []),
    ],
    sweep: async (batch, options) =>
      (await import('./orphans.js')).sweepSessions(batch, connections, options),
    abandoned: async ({ end = false, reason } = {}) =>
      (await import('./abandoned.js')).abandonedSessions(connections, { end, reason }),
    clean: async (options) => (await import('./clean-runs.js')).cleanRuns(options, connections),
    schedules: schedulesWith(connections, looking),
    host: async () => {
      const host = new WorkerHost(connections);
      await host.start();
      return host;
    },
    engine: () => connections.engine(),
    isWorkerAlive: () => isWorkerAlive(connections),
    isWorkerHereAlive: () => isWorkerHereAlive(connections),
    close: async () => {
      await looking.close();
      await connections.close();
    },
  };
  return nightshift;
}

/** Bring the whole SDK with them, which those who only look do without. */
const operate = async () => ({
  ...(await import('./operate.js')),
  ...(await import('./approvals.js')),
  ...(await import('./cancel-all.js')),
  ...(await import('./concurrency-all.js')),
  ...(await import('./decide.js')),
  ...(await import('./holds.js')),
  ...(await import('./retry.js')),
  ...(await import('./unpublish.js')),
});

export type {
  AbandonedSession,
  AlsoRun,
  Answer,
  Batch,
  BatchStatus,
  CancelState,
  Cancelled,
  Discarding,
  Finding,
  JobSelection,
  Lifted,
  PauseOptions,
  Placed,
  Plan,
  Progress,
  RemoteSession,
  Retried,
  Started,
  WontDo,
  StoppedJob,
  WatchOptions,
  Widened,
};
