import { readDefinition } from '../batch/manifest.js';
import type { Definition } from '../contract/batch-file.js';
import { AdapterError, UsageError } from '../contract/errors.js';
import { selectionText, type JobSelection } from '../contract/job-selection.js';
import { readManifestRef, type ManifestRef } from '../contract/manifest-ref.js';
import { paceMsOf } from '../contract/rate.js';
import type { BatchRow } from '../ledger/ledger.js';
import { audited } from './audited.js';
import type { Connections } from './connections.js';
import { requestFor } from './operate.js';
import { preflightRestart } from './preflight-restart.js';
import { retryUnderWay } from './retry-under-way.js';
import { runUnderWay } from './run-under-way.js';
import { prepareRestart, type Started } from './start.js';
import { assertSelection, requestedJobs, runsAgain, type AlsoRun, type RunsAgain } from './to-retry.js';

export interface Retried {
  readonly keys: readonly string[];
  /** Other unfinished jobs of a batch that was started again, which goes on with all of them; none where it was under way. */
  readonly also: readonly AlsoRun[];
  readonly started: Started;
}

/**
 * Gives jobs their new try.
 *
 *  RJ1. Whatever may refuse it is asked before a job is changed: one that was put back, and is not begun, would wait for
 *       whoever starts the batch next, and nobody would see any more why it had stopped.
 *  RJ2. They are put back with the run that does them: by whoever opens it, also where that is started by the retry. So
 *       where somebody else was faster, nothing was changed, and that run is asked to take them in. Where it has ended by
 *       then, all is asked anew.
 *  RJ3. A request means jobs as they were when it was made: where it is carried out late, or again, none has a third try
 *       (`requestedJobs`).
 *
 * @param reason kept with the request, beside which jobs were meant
 * @param rate no more jobs begin in that time, such as `40/m`; only where the batch has ended @throws UsageError
 */
export async function retryBatch(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection = {},
  reason?: string,
  rate?: string,
): Promise<Retried> {
  assertSelection(selection);
  const paceMs = rate === undefined ? undefined : paceMsOf(rate);
  const why = [selectionText(selection), rate && `at ${rate}`, reason].filter((part) => part).join('; ');
  return audited(
    await connections.ledger(),
    requestFor('retry', row, connections, why || undefined),
    () => retryJobs(row, connections, selection, paceMs),
    ({ keys: jobKeys, started: { how, runId } }) => ({ outcome: how, runId, jobKeys }),
  );
}

async function retryJobs(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection,
  paceMs?: number,
): Promise<Retried> {
  const ledger = await connections.ledger();
  const since = await ledger.head();
  const { id: workflowId, name, key, file, edition } = row;
  const running = await runUnderWay(row.id, await connections.client());
  if (running === undefined) {
    const retried = await startAgain(row, connections, selection, paceMs);
    if (retried !== undefined && retried.started.how !== 'joined')
      return { ...retried, started: { ...retried.started, since } };
  } else if (paceMs !== undefined) {
    throw new UsageError(
      `${name} is under way, and its jobs begin as its limits say: a rate is for a batch that has ended`,
    );
  } else {
    const keys = await retryUnderWay(row, running, connections, selection);
    const joined = { name, key, workflowId, file, edition, how: 'joined', runId: running } as const;
    // Its jobs are those of the run: without what that has done before, its figures would not add up.
    const started = { ...joined, since: row.runId === running ? row.openedSeq : since };
    if (keys !== undefined) return { keys, also: [], started };
  }
  return retryJobs((await ledger.batch(workflowId)) ?? row, connections, selection, paceMs); // RJ2
}

/**
 * Where somebody else was faster, it has changed nothing.
 * @returns with `joined` where their run is under way; undefined where it has ended meanwhile, which changes what is meant
 */
async function startAgain(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection,
  paceMs?: number,
): Promise<Retried | undefined> {
  const ledger = await connections.ledger();
  const { id: workflowId, name, key, file, edition, runId } = row;
  const requested = await requestedJobs(row, connections, selection);
  const { keys: meant, asOf } = requested;
  const narrowedBy = selectionText(selection);
  if (meant.length === 0 && row.state === 'completed') {
    const known = { name, key, workflowId, since: asOf, file, edition };
    return { keys: meant, also: [], started: { ...known, how: 'already-completed', runId } };
  }
  if (meant.length === 0 && narrowedBy !== undefined) {
    // A start would run all that is unfinished, of which nobody spoke.
    throw new UsageError(`no parked job of ${name} is meant by: ${narrowedBy}; nothing was started`);
  }
  const manifest = readManifestRef(row.manifest);
  const { definition, runs } = await stored(row, manifest, meant, connections);
  await preflightRestart(row, definition, runs, connections);
  const retry = meant.length === 0 ? undefined : requested;
  const restart = await prepareRestart(row, definition, manifest, connections, { paceMs, retry });
  const now = await ledger.batch(workflowId);
  if (now !== undefined && now.runId !== runId) return undefined;
  return { keys: meant, also: runs.also, started: await restart() };
}

/** @throws AdapterError `lost` */
async function stored(
  row: BatchRow,
  manifest: ManifestRef,
  keys: readonly string[],
  connections: Connections,
): Promise<{ readonly definition: Definition; readonly runs: RunsAgain }> {
  try {
    const definition = await readDefinition(manifest, connections.artifacts);
    return { definition, runs: await runsAgain(row, keys, connections) };
  } catch (error) {
    if (!(error instanceof AdapterError) || error.errorClass !== 'lost') throw error;
    throw new AdapterError(
      'lost',
      `what was stored of ${row.name} is lost, and its jobs were left as they are: ` +
        'start it from its file, which stores that again, then give them their new try',
      error.facts,
      { cause: error },
    );
  }
}
