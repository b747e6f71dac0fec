import { cancellationSignal, cancelled } from '@temporalio/activity';
import { WorkflowFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { jobOutcomeSchema, type JobOutcome } from '../contract/messages.js';
import type { Deps } from './deps.js';
import { keepAlive } from './heartbeat.js';

/** `completed`: it was running and has finished. `closed`: there is no run to wait for, or it ended unfinished. */
export type Awaited =
  { readonly kind: 'completed'; readonly outcome: JobOutcome } | { readonly kind: 'closed' };

/** Waits for a job that another batch runs. */
export const awaitJob =
  ({ client }: Deps) =>
  async (workflowId: string): Promise<Awaited> => {
    const stopHeartbeat = keepAlive(() => workflowId);
    const handle = client.workflow.getHandle(workflowId);
    try {
      return await client.connection.withAbortSignal(cancellationSignal(), async () => {
        const { status } = await handle.describe();
        if (status.name !== 'RUNNING') return { kind: 'closed' };
        return { kind: 'completed', outcome: jobOutcomeSchema.parse(await handle.result()) };
      });
    } catch (error) {
      if (cancellationSignal().aborted) return await cancelled();
      if (error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError)
        return { kind: 'closed' };
      throw error;
    } finally {
      stopHeartbeat();
    }
  };
