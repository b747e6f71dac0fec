import { ServiceError, WorkflowUpdateFailedError, isGrpcServiceError } from '@temporalio/client';
import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { UsageError } from '../contract/errors.js';
import type { JobSelection } from '../contract/job-selection.js';
import { FAILURE, MESSAGE, type RetryRequest } from '../contract/messages.js';
import type { BatchRow } from '../ledger/ledger.js';
import { DIRECT_JOBS_MAX } from '../policy/shards.js';
import type { Connections } from './connections.js';
import { whileHosted } from './hosted.js';
import { isWorkflowFailed, untilEnded } from './run-end.js';
import { requestedJobs } from './to-retry.js';

/**
 * Asks a batch under way to take jobs in. It starts them itself, as children of its own: no more than its history has room
 * for.
 * @param runId the run that is under way
 * @returns keys of those that it took; undefined where it ended before it could answer
 * @throws UsageError where it takes none
 */
export async function retryUnderWay(
  row: BatchRow,
  runId: string,
  connections: Connections,
  selection: JobSelection,
): Promise<readonly string[] | undefined> {
  const requested = await requestedJobs(row, connections, selection);
  const { keys } = requested;
  if (keys.length > DIRECT_JOBS_MAX) {
    throw new UsageError(
      `${row.name} is under way and takes up to ${DIRECT_JOBS_MAX} jobs again at a time, these are ${keys.length}; ` +
        `nothing was changed. Take the first of them (--first ${DIRECT_JOBS_MAX}), or all when it has ended`,
    );
  }
  if (keys.length === 0) return [];
  // By their keys, whatever was meant: a worker of an older release would take all for want of them.
  const request: RetryRequest = { by: connections.who, ...requested, noted: true };
  const { workflow } = await connections.client();
  try {
    return await whileHosted(connections, async (signal) => {
      try {
        return await workflow
          .getHandle(row.id)
          .executeUpdate<readonly string[], [RetryRequest]>(MESSAGE.retryJob, { args: [request] });
      } catch (error) {
        if (failureIn(error)?.type !== FAILURE.runEnds) throw error;
        connections.notify(`the run of ${row.name} under way is about to end; waiting for that`);
        // Also where nobody else lives who could bring it to its end.
        await untilOver({ workflowId: row.id, runId }, connections, signal);
        return undefined;
      }
    });
  } catch (error) {
    if (hasEnded(error)) return undefined;
    throw refusalIn(error, row) ?? error;
  }
}

async function untilOver(
  run: { readonly workflowId: string; readonly runId: string },
  connections: Connections,
  signal: AbortSignal,
): Promise<void> {
  try {
    await untilEnded(run, connections, signal);
  } catch (error) {
    if (!isWorkflowFailed(error)) throw error;
  }
}

/** What the engine answers for a run that it has closed, as before it was reset, with the request on its way. */
const ABORTED = 10;

const hasEnded = (error: unknown): boolean =>
  error instanceof WorkflowNotFoundError ||
  failureIn(error)?.type === 'AcceptedUpdateCompletedWorkflow' ||
  (error instanceof ServiceError &&
    isGrpcServiceError(error.cause) &&
    (error.cause.code as number) === ABORTED);

const failureIn = (error: unknown): ApplicationFailure | undefined =>
  error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure
    ? error.cause
    : undefined;

/** What the batch itself said, which nobody would look for inside of an error about an update. */
const refusalIn = (error: unknown, { name }: BatchRow): UsageError | undefined => {
  const failure = failureIn(error);
  return failure && new UsageError(`${name} takes none of them in: ${failure.message}`, { cause: error });
};
