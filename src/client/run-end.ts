import { setTimeout as sleep } from 'node:timers/promises';
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
  const asker = connections.outages.asker();
  let isLost = false;
  try {
    for (;;) {
      try {
        const { workflow } = await connections.client();
        const run = workflow.getHandle(workflowId, runId);
        if (isLost) await run.describe(); // the wait for the result may have no answer for hours
        isLost = false;
        asker.answered();
        await run.result();
        return;
      } catch (error) {
        if (isWorkflowFailed(error) || error instanceof WorkflowNotFoundError || signal.aborted) throw error;
        asker.missed(error);
        isLost = true;
        await sleep(RECONNECT_MS, undefined, { signal });
        await connections.reconnect();
      }
    }
  } finally {
    asker.left();
  }
}

/** By name: half of all watches end before the SDK's client was ever loaded. */
export const isWorkflowFailed = (error: unknown): error is WorkflowFailedError =>
  error instanceof Error && error.name === 'WorkflowFailedError';
