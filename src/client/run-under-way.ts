import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';

/**
 * The run of a Workflow that is under way, as the engine has it: a ledger never hears that one was terminated.
 * @returns its run ID; undefined where none runs, or the engine knows nothing of it
 */
export async function runUnderWay(
  workflowId: string,
  { workflow }: Pick<Client, 'workflow'>,
): Promise<string | undefined> {
  try {
    const { status, runId } = await workflow.getHandle(workflowId).describe();
    return status.name === 'RUNNING' ? runId : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/**
 * The run of a job that is under way though whoever started it has ended.
 * @returns its run ID
 */
export async function runLeftAlone(
  workflowId: string,
  { workflow }: Pick<Client, 'workflow'>,
): Promise<string | undefined> {
  try {
    const { status, runId, parentExecution: parent } = await workflow.getHandle(workflowId).describe();
    if (status.name !== 'RUNNING') return undefined;
    const isCarried =
      parent?.workflowId && (await runUnderWay(parent.workflowId, { workflow })) === parent.runId;
    return isCarried ? undefined : runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** Whether that very run has not ended yet, of whichever Workflow it is; one that the engine knows nothing of is over. */
export async function isRunOpen(runId: string, { workflow }: Pick<Client, 'workflow'>): Promise<boolean> {
  const query = `RunId='${runId}' AND ExecutionStatus='Running'`;
  for await (const _ of workflow.list({ query })) return true;
  return false;
}
