import { cancellationSignal, cancelled } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Deps } from './deps.js';
import { keepAlive } from './heartbeat.js';

/** Waits until no run of a batch is under way, however it ends. */
export const awaitBatch =
  ({ client }: Pick<Deps, 'client'>) =>
  async (workflowId: string): Promise<void> => {
    const stopHeartbeat = keepAlive(() => workflowId);
    try {
      await client.connection.withAbortSignal(cancellationSignal(), async () => {
        await client.workflow.getHandle(workflowId).result();
      });
    } catch (error) {
      if (cancellationSignal().aborted) return await cancelled();
      if (!(error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError)) throw error;
    } finally {
      stopHeartbeat();
    }
  };
