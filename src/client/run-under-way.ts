import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';

/** @returns undefined of one that the engine knows nothing of */
export async function described(
  workflowId: string,
  { workflow }: Pick<Client, 'workflow'>,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/**
 * The run of a Workflow that is under way, as the engine has it: a ledger never hears that one was terminated.
 * @returns its run ID; undefined where none runs, or the engine knows nothing of it
 */
export async function runUnderWay(
  workflowId: string,
  client: Pick<Client, 'workflow'>,
): Promise<string | undefined> {
  const known = await described(workflowId, client);
  return known?.status.name === 'RUNNING' ? known.runId : undefined;
}

/**
 * The run of a job that is under way though whoever started it has ended.
 * @returns its run ID
 */
export async function runLeftAlone(
  workflowId: string,
  client: Pick<Client, 'workflow'>,
): Promise<string | undefined> {
  const known = await described(workflowId, client);
  if (known?.status.name !== 'RUNNING') return undefined;
  const { runId, parentExecution: parent } = known;
  const isCarried = parent?.workflowId && (await runUnderWay(parent.workflowId, client)) === parent.runId;
  return isCarried ? undefined : runId;
}

/** Whether that very run has not ended yet, of whichever Workflow it is; one that the engine knows nothing of is over. */
export async function isRunOpen(runId: string, { workflow }: Pick<Client, 'workflow'>): Promise<boolean> {
  const query = `RunId='${runId}' AND ExecutionStatus='Running'`;
  for await (const _ of workflow.list({ query })) return true;
  return false;
}
