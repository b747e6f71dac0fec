import type { WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, CancelledFailure, TerminatedFailure } from '@temporalio/common';
import { withLastOutput } from '../artifacts/last-output.js';
import { AdapterError, ERROR_CLASSES } from '../contract/errors.js';
import { holdText, type Hold } from '../contract/holds.js';
import { FAILURE, PREFLIGHT, STOP_LOSS } from '../contract/messages.js';
import type { BatchOutcome, JobReport, RunReport } from '../contract/result.js';
import type { BatchState } from '../contract/states.js';
import type { ActiveJob, Ledger } from '../ledger/ledger.js';
import type { WaitsFor } from '../policy/waits.js';
import { isAnyMoving, jobsLeftToApprove } from './approvals-left.js';
import type { Connections } from './connections.js';
import { reportedIfFailed } from './failed-start.js';
import { holdOver } from './hold-over.js';
import { keepHosted } from './hosted.js';
import { repeat } from './repeat.js';
import { isWorkflowFailed, untilEnded } from './run-end.js';
import { waitsFor, waitsForBudget } from './waits-for.js';
import { startBatch, type Started } from './start.js';
import { whenStopped } from './watch-stopped.js';
import { WorkerHost } from './worker-host.js';

/** What a watcher is shown, about twice a second. */
export interface Snapshot {
  readonly state: BatchState | 'starting';
  readonly reason: string | undefined;
  /** The pause that it stands before: its own, or a wider one. */
  readonly hold?: Hold;
  readonly counts: Awaited<ReturnType<Ledger['counts']>>;
  readonly active: readonly ActiveJob[];
  /** Some of the jobs that do not go on by themselves, and why; not those that `waitsFor` tells of. */
  readonly troubled: readonly JobReport[];
  /** What its jobs wait for. */
  readonly waitsFor: readonly WaitsFor[];
  /** ISO 8601; undefined until the run is open. */
  readonly openedAt: string | undefined;
  /** Whether this very process runs the jobs. */
  readonly hosting: boolean;
}

export interface WatchOptions {
  readonly onSnapshot?: (snapshot: Snapshot) => void;
  /** Aborted: stop watching; a worker hosted here stops in good order. */
  readonly signal?: AbortSignal;
  /** False: only look; jobs run where a worker is. */
  readonly host?: boolean;
  /** Give up watching when the batch is paused, instead of waiting for its `resume`. */
  readonly noWait?: boolean;
  /** True: also wait where nothing is left but effects that need a person's yes, for as long as that takes. */
  readonly awaitApprovals?: boolean;
}

const SNAPSHOT_MS = 500;
/** Where nobody is shown anything, it is only looked whether the batch stands still. */
const UNSEEN_MS = 2_000;
const ACTIVE_SHOWN = 8;
const TROUBLED = { states: ['parked', 'held', 'gated'], limit: 20 } as const;

/**
 * Follows a batch to its end, over outages of the engine and of the ledger's database. While no worker lives, this process
 * hosts one. Of a run that had ended when it was found the ledger tells; no engine is needed.
 * @throws WatchStopped when `signal` aborts
 * @throws AdapterError of a run that was refused before its first job, whether it was waited for or had ended before
 */
export async function watchBatch(
  started: Started,
  connections: Connections,
  options: WatchOptions = {},
): Promise<RunReport> {
  const watched = await watchRun(started, connections, options);
  const { result } = watched.batch;
  if (!started.after || result === 'paused' || result === 'waiting') return watched;
  // What was asked for is still to be done. Also where a person has cancelled that run, which is how to get it out of
  // the way.
  const { batch } = started.after;
  const next = await reportedIfFailed(batch.definition.name, connections, () =>
    startBatch(batch, connections),
  );
  if (next.how === 'already-completed' && result === 'completed') return watched;
  connections.notify('the run under way has ended; started again with the present contents of the batch');
  const { since, earlier } = started;
  return watchBatch({ ...next, since, ...(earlier && { earlier }) }, connections, options);
}

async function watchRun(
  started: Started,
  connections: Connections,
  { onSnapshot, signal, host: mayHost = true, noWait = false, awaitApprovals = false }: WatchOptions,
): Promise<RunReport> {
  const ledger = await connections.ledger();
  if (started.how === 'already-completed') return report(started, 'already-completed', connections);
  if (started.ended !== undefined) {
    await mustHaveOpened(started, ledger);
    return report(started, started.ended, connections);
  }

  const ended = new AbortController();
  const host = new WorkerHost(connections);
  let why: string | undefined;
  let heldBy: Hold | undefined;
  let sayStill: (outcome: 'paused' | 'waiting') => void = () => undefined;
  const standsStill = new Promise<'paused' | 'waiting'>((resolve) => (sayStill = resolve));
  const stopped = whenStopped(host, signal);

  const tasks = [
    ...(mayHost ? [keepHosted(host, connections, ended.signal)] : []),
    repeat(onSnapshot ? SNAPSHOT_MS : UNSEEN_MS, ended.signal, connections.outages.asker(), async () => {
      const row = await ledger.batch(started.workflowId);
      const hold = row?.runId === started.runId ? await holdOver(row, connections) : undefined;
      const state = row?.runId !== started.runId ? 'starting' : hold ? 'paused' : row.state;
      heldBy = hold;
      why = hold && hold.scope.kind !== 'batch' ? holdText(hold) : row?.reason;
      const counts = await ledger.counts(started.workflowId, started.since);
      // Whom nobody answers at night would watch for ever what a person has to look at first. Before its jobs are
      // compared with the ledger, there is nothing to say of them.
      if (state === 'paused' && counts.jobs > 0 && (noWait || row?.stateBy === STOP_LOSS)) sayStill('paused');
      if (
        state === 'running' &&
        !awaitApprovals &&
        (await isLeftToPeople(started.workflowId, counts, connections))
      )
        sayStill('waiting');
      if (!onSnapshot) return;
      const isTroubled = counts.parked + counts.held + counts.gated > 0;
      const troubled = isTroubled ? await ledger.jobReports(started.workflowId, TROUBLED) : [];
      onSnapshot({
        state,
        reason: why,
        ...(hold && { hold }),
        counts,
        active: await ledger.activeJobs(started.workflowId, ACTIVE_SHOWN),
        waitsFor: row && state === 'running' ? await waitsFor(row, counts, connections) : [],
        troubled: state === 'running' ? troubled.filter((job) => !waitsForBudget(job)) : troubled,
        openedAt: state === 'starting' ? undefined : row?.openedAt,
        hosting: host.hosting,
      });
    }),
  ];
  try {
    const failed = Promise.race(tasks).then(() => new Promise<never>(() => undefined));
    const outcome = await Promise.race([
      outcomeOf(started, connections, ended.signal),
      standsStill,
      stopped.raised,
      failed,
    ]);
    return await report(
      started,
      outcome,
      connections,
      outcome === 'paused' ? { reason: why, hold: heldBy } : {},
    );
  } finally {
    stopped.forget(); // one signal may stop the watches of many nights
    ended.abort();
    await Promise.allSettled(tasks);
    await host.stop();
  }
}

/** One that runs into a time limit moves by itself; so does one whose answer lies at the engine, for want of a worker. */
async function isLeftToPeople(
  batchId: string,
  counts: Awaited<ReturnType<Ledger['counts']>>,
  connections: Connections,
): Promise<boolean> {
  const ledger = await connections.ledger();
  const jobs = await jobsLeftToApprove(batchId, counts, ledger, ({ dueAt }) => dueAt === undefined);
  return jobs !== undefined && !(await isAnyMoving([batchId, ...jobs], await connections.client()));
}

async function outcomeOf(
  started: Started,
  connections: Connections,
  ended: AbortSignal,
): Promise<BatchOutcome> {
  try {
    await untilEnded(started, connections, ended);
    return 'completed';
  } catch (error) {
    if (isWorkflowFailed(error)) return outcomeOfFailure(error);
    throw error;
  }
}

function outcomeOfFailure({ cause }: WorkflowFailedError): BatchOutcome {
  if (cause instanceof ApplicationFailure && cause.type === FAILURE.batchIncomplete) return 'incomplete';
  if (cause instanceof CancelledFailure || cause instanceof TerminatedFailure) return 'cancelled';
  throw adapterErrorIn(cause) ?? cause ?? new Error('the batch failed');
}

/** @throws AdapterError as for whoever had waited for it: the ledger keeps what was said, and not which of the two classes it was */
async function mustHaveOpened({ workflowId, runId }: Started, ledger: Ledger): Promise<void> {
  const row = await ledger.batch(workflowId);
  if (row?.runId === runId && row.state === 'incomplete' && row.stateBy === PREFLIGHT)
    throw new AdapterError('config', row.reason ?? 'the batch could not be opened');
}

/** A run that could not be opened ended with what its worker said. */
function adapterErrorIn(cause: Error | undefined): AdapterError | undefined {
  if (!(cause instanceof ActivityFailure) || !(cause.cause instanceof ApplicationFailure)) return undefined;
  const { type, message } = cause.cause;
  const errorClass = ERROR_CLASSES.find((known) => known === type);
  return errorClass && new AdapterError(errorClass, message, {}, { cause });
}

async function report(
  started: Started,
  result: BatchOutcome,
  connections: Connections,
  { reason, hold }: { readonly reason?: string | undefined; readonly hold?: Hold | undefined } = {},
): Promise<RunReport> {
  const ledger = await connections.ledger();
  const { name, key, workflowId, runId, since, earlier } = started;
  const [totals, jobs] = await Promise.all([ledger.totals(workflowId, since), ledger.jobReports(workflowId)]);
  const batch = { name, key, workflowId, runId, result, ...(reason !== undefined && { reason }) };
  const shown = jobs.map(withLastOutput(connections.config.stateDir));
  return { batch, ...totals, ...(hold && { hold }), ...(earlier && { earlier: [...earlier] }), jobs: shown };
}
