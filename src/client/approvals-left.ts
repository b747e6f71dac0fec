import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import type { Activities } from '../activities/index.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import type { Approval, BatchRow, Ledger } from '../ledger/ledger.js';

/**
 * The jobs that wait for a person's yes, by their Workflow IDs, where the ledger has nothing else left to do in the batch.
 * What was approved and has not left yet is still to be done.
 * @param isMeant which requests count as waiting
 * @returns undefined where anything else is left, or nothing waits
 */
export async function jobsLeftToApprove(
  batchId: string,
  { waiting, running, gated }: Awaited<ReturnType<Ledger['counts']>>,
  ledger: Pick<Ledger, 'approvals'>,
  isMeant: (asked: Approval) => boolean = () => true,
): Promise<ReadonlySet<string> | undefined> {
  if (waiting + running > 0 || gated === 0) return undefined;
  const asked = await ledger.approvals({ batchId });
  const still = asked.filter((approval) => approval.jobState === 'gated' && isMeant(approval));
  const jobs = new Set(still.map(jobWorkflowId));
  return jobs.size === gated ? jobs : undefined;
}

/**
 * Whether nothing is left of a run under way but effects that wait for a person's yes, as the ledger has it; the engine
 * is asked for one that is just being opened, whose jobs the ledger has as an earlier run left them.
 */
export async function onlyApprovalsLeft(
  { id, state, openedSeq }: Pick<BatchRow, 'id' | 'state' | 'openedSeq'>,
  { ledger, client }: { readonly ledger: Pick<Ledger, 'counts' | 'approvals'>; readonly client: Workflows },
): Promise<boolean> {
  if (state !== 'running') return false; // what is paused waits for its resume, too
  const jobs = await jobsLeftToApprove(id, await ledger.counts(id, openedSeq), ledger);
  return jobs !== undefined && !(await isAnyMoving([id], client));
}

type Workflows = Pick<Client, 'workflow'>;

/** A batch stands still as the job of another batch does which it waits for in this step. */
const AWAITS: keyof Activities = 'awaitJob';

/** Whether a message, or a step, of one of these Workflows has still to be carried out. */
export async function isAnyMoving(workflowIds: readonly string[], { workflow }: Workflows): Promise<boolean> {
  for (const id of workflowIds) {
    try {
      const { raw } = await workflow.getHandle(id).describe();
      const steps = (raw.pendingActivities ?? []).filter(({ activityType }) => activityType?.name !== AWAITS);
      if (raw.pendingWorkflowTask || steps.length > 0) return true;
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) return true; // an engine that is away says nothing
    }
  }
  return false;
}
