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

/** Whether a job runs that whoever started it has left: it has ended before. */
export async function isLeftAlone(
  workflowId: string,
  { workflow }: Pick<Client, 'workflow'>,
): Promise<boolean> {
  try {
    const { status, parentExecution: parent } = await workflow.getHandle(workflowId).describe();
    if (status.name !== 'RUNNING') return false;
    return !parent?.workflowId || (await runUnderWay(parent.workflowId, { workflow })) !== parent.runId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Whether that very run has not ended yet, of whichever Workflow it is; one that the engine knows nothing of is over. */
export async function isRunOpen(runId: string, { workflow }: Pick<Client, 'workflow'>): Promise<boolean> {
  const query = `RunId='${runId}' AND ExecutionStatus='Running'`;
  for await (const _ of workflow.list({ query })) return true;
  return false;
}
