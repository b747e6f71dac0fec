import { randomUUID } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { timeOf } from './event-time.js';
import { isGrpcNotFound } from './grpc-not-found.js';

export type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** What a cancellation says of itself: it stands in the history, and the Web UI shows it. */
export interface CancelRequest {
  readonly by: string;
  readonly reason?: string | undefined;
}

/** The same, as the history of a run has it. */
export interface CancelAsked extends CancelRequest {
  /** ISO 8601. */
  readonly at: string;
  /** The Workflow that was cancelled, and this one with it. */
  readonly parentId?: string;
}

/** Who cancels without a name, as the Web UI does. */
export const UNNAMED = 'unnamed';

/**
 * Asks a run to end, as the handle's cancel() does, which has no place for who asks, and why.
 * @param runId the present one, unless given
 * @returns false: there is none, or it has ended meanwhile
 */
export async function requestCancel(
  { workflowId, runId = '' }: { readonly workflowId: string; readonly runId?: string },
  { by, reason = '' }: CancelRequest,
  { workflowService, options }: Client,
): Promise<boolean> {
  try {
    await workflowService.requestCancelWorkflowExecution({
      namespace: options.namespace,
      workflowExecution: { workflowId, runId },
      identity: by,
      requestId: randomUUID(),
      reason,
    });
    return true;
  } catch (error) {
    if (isGrpcNotFound(error)) return false;
    throw error;
  }
}

/** Who has asked that run to end, by whatever way. @returns undefined where nobody has */
export async function cancelAsked(
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  { workflow }: Pick<Client, 'workflow'>,
): Promise<CancelAsked | undefined> {
  const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
  for (const event of events ?? []) {
    const asked = cancelAskedBy(event);
    if (asked) return asked;
  }
  return undefined;
}

/** What that event of a history says of a cancellation; undefined of any other event. */
export function cancelAskedBy({
  eventTime,
  workflowExecutionCancelRequestedEventAttributes: asked,
}: HistoryEvent): CancelAsked | undefined {
  if (!asked) return undefined;
  const { identity, cause, externalWorkflowExecution: parent } = asked;
  return {
    by: identity || UNNAMED,
    ...(cause && { reason: cause }),
    at: timeOf(eventTime),
    ...(parent?.workflowId && { parentId: parent.workflowId }),
  };
}
