import type { WorkflowFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Connections } from './connections.js';

const RECONNECT_MS = 500;

/**
 * Waits for the end of a run, over lost connections and restarts of the engine.
 * @throws WorkflowFailedError when it ended in any other way than completed; WorkflowNotFoundError
 */
export async function untilEnded(
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  connections: Connections,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      const client = await connections.client();
      await client.workflow.getHandle(workflowId, runId).result();
      return;
    } catch (error) {
      if (isWorkflowFailed(error) || error instanceof WorkflowNotFoundError || signal.aborted) throw error;
      connections.notify('lost the engine; looking for it again');
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
      await connections.reconnect();
    }
  }
}

/** By name: half of all watches end before the SDK's client was ever loaded. */
export const isWorkflowFailed = (error: unknown): error is WorkflowFailedError =>
  error instanceof Error && error.name === 'WorkflowFailedError';
