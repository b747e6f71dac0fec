import { WorkflowFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Deps } from './deps.js';
import { runResult } from './run-result.js';

/** Waits until no run of a batch is under way, however it ends. */
export const awaitBatch =
  ({ client }: Pick<Deps, 'client'>) =>
  async (workflowId: string): Promise<void> => {
    try {
      await runResult(client, workflowId);
    } catch (error) {
      if (!(error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError)) throw error;
    }
  };
