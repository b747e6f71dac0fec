import { WorkflowFailedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { onlyApprovalsLeft } from '../client/approvals-left.js';
import type { Deps } from './deps.js';
import { runResult } from './run-result.js';

const LOOK_MS = 30_000;

/**
 * Waits until no run of a batch is under way, however it ends.
 * @param until.orApprovalsLeft also until nothing is left of it but effects that wait for a person's yes
 */
export const awaitBatch =
  ({ client, ledger }: Pick<Deps, 'client' | 'ledger'>) =>
  async (
    workflowId: string,
    { orApprovalsLeft = false }: { readonly orApprovalsLeft?: boolean } = {},
  ): Promise<void> => {
    try {
      await (orApprovalsLeft
        ? runResult(client, workflowId, { everyMs: LOOK_MS, isEnough })
        : runResult(client, workflowId));
    } catch (error) {
      if (!(error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError)) throw error;
    }

    async function isEnough(): Promise<boolean> {
      const row = await ledger.batch(workflowId);
      return row !== undefined && (await onlyApprovalsLeft(row, { ledger, client }));
    }
  };
