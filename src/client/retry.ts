import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { readDefinition } from '../batch/manifest.js';
import { UsageError } from '../contract/errors.js';
import { selectionText, type JobSelection } from '../contract/job-selection.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { MESSAGE, type RetryRequest } from '../contract/messages.js';
import { paceMsOf } from '../contract/rate.js';
import type { BatchRow } from '../ledger/ledger.js';
import { DIRECT_JOBS_MAX } from '../policy/shards.js';
import { audited } from './audited.js';
import type { Connections } from './connections.js';
import { whileHosted } from './hosted.js';
import { requestFor } from './operate.js';
import { runUnderWay } from './run-under-way.js';
import { restartBatch, type Started } from './start.js';
import { alsoUnfinished, assertSelection, toRetry, type AlsoRun } from './to-retry.js';

export interface Retried {
  readonly keys: readonly string[];
  /** Other unfinished jobs of a batch that was started again, which goes on with all of them; none where it was under way. */
  readonly also: readonly AlsoRun[];
  readonly started: Started;
}

/**
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
  const known = { name, key, workflowId, since, file, edition };
  const running = await runUnderWay(row.id, await connections.client());
  if (running !== undefined) {
    if (paceMs !== undefined) {
      throw new UsageError(
        `${name} is under way, and its jobs begin as its limits say: a rate is for a batch that has ended`,
      );
    }
    const keys = await requeueInto(row, connections, selection);
    return { keys, also: [], started: { ...known, how: 'joined', runId: running } };
  }
  const keys = await ledger.requeue(row.id, connections.who, selection);
  const meant = selectionText(selection);
  if (keys.length === 0 && meant !== undefined && row.state !== 'completed') {
    // A start would run all that is unfinished, of which nobody spoke.
    throw new UsageError(`no parked job of ${name} is meant by: ${meant}; nothing was started`);
  }
  if (keys.length === 0 && row.state === 'completed') {
    return { keys, also: [], started: { ...known, how: 'already-completed', runId: row.runId } };
  }
  const manifest = readManifestRef(row.manifest);
  const definition = await readDefinition(manifest, connections.artifacts);
  const also = await alsoUnfinished(row, keys, connections);
  const started = await restartBatch(row, definition, manifest, connections, paceMs);
  return { keys, also, started: { ...started, since } };
}

/** A batch under way starts them itself, as children of its own: no more than its history has room for. */
async function requeueInto(
  row: BatchRow,
  connections: Connections,
  selection: JobSelection,
): Promise<readonly string[]> {
  const keys = (await toRetry(row, connections, selection)).map((job) => job.key);
  if (keys.length > DIRECT_JOBS_MAX) {
    throw new UsageError(
      `${row.name} is under way and takes up to ${DIRECT_JOBS_MAX} jobs again at a time, these are ${keys.length}; ` +
        `nothing was changed. Take the first of them (--first ${DIRECT_JOBS_MAX}), or all when it has ended`,
    );
  }
  if (keys.length === 0) return [];
  // By their keys, whatever was meant: a worker of an older release would take all for want of them.
  const request: RetryRequest = { by: connections.who, keys, noted: true };
  const { workflow } = await connections.client();
  try {
    return await whileHosted(connections, () =>
      workflow
        .getHandle(row.id)
        .executeUpdate<readonly string[], [RetryRequest]>(MESSAGE.retryJob, { args: [request] }),
    );
  } catch (error) {
    throw refusalIn(error, row) ?? error;
  }
}

/** What the batch itself said, which nobody would look for inside of an error about an update. */
const refusalIn = (error: unknown, { name }: BatchRow): UsageError | undefined =>
  error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure
    ? new UsageError(`${name} takes none of them in: ${error.cause.message}`, { cause: error })
    : undefined;
