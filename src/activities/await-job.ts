import { WorkflowFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { jobOutcomeSchema, type JobOutcome } from '../contract/job-outcome.js';
import type { Deps } from './deps.js';
import { runResult } from './run-result.js';

/** `completed`: it was running and has finished. `closed`: there is no run to wait for, or it ended unfinished. */
export type Awaited =
  { readonly kind: 'completed'; readonly outcome: JobOutcome } | { readonly kind: 'closed' };

/** Waits for a job that another batch runs. */
export const awaitJob =
  ({ client }: Deps) =>
  async (workflowId: string): Promise<Awaited> => {
    try {
      const { status } = await client.workflow.getHandle(workflowId).describe();
      if (status.name !== 'RUNNING') return { kind: 'closed' };
      return { kind: 'completed', outcome: jobOutcomeSchema.parse(await runResult(client, workflowId)) };
    } catch (error) {
      if (error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError)
        return { kind: 'closed' };
      throw error;
    }
  };
