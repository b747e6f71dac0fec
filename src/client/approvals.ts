import { WorkflowNotFoundError } from '@temporalio/common';
import { UsageError } from '../contract/errors.js';
import { MESSAGE } from '../contract/messages.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import type { Approval, DecidedApproval } from '../ledger/ledger.js';
import { approvalsMeant, type ApprovalChoice } from '../policy/approvals-meant.js';
import type { Connections } from './connections.js';
import { previewOf, type ApprovalPreview } from './approval-preview.js';

export type WaitingApproval = Approval & { readonly preview: ApprovalPreview };

export interface ApprovalDecided {
  readonly approval: Approval;
  readonly outcome: DecidedApproval;
}

/** What waits for a person's yes, and what would happen; oldest first. Needs no engine. */
export async function waitingApprovals(
  batchId: string | undefined,
  connections: Connections,
): Promise<readonly WaitingApproval[]> {
  const ledger = await connections.ledger();
  const waiting = await ledger.approvals(batchId === undefined ? {} : { batchId });
  return Promise.all(
    waiting.map(async (approval) => ({ ...approval, preview: await previewOf(approval, connections) })),
  );
}

/**
 * Writes the answer down, then tells the jobs. One whose worker is gone is told by the engine when there is one again,
 * and one that has ended asks the ledger at its next start.
 * @throws UsageError when nothing that was named waits, or ever did
 */
export async function decideApprovals(
  choice: ApprovalChoice & { readonly batchId?: string },
  decision: 'approved' | 'rejected',
  connections: Connections,
  reason: string,
): Promise<readonly ApprovalDecided[]> {
  const ledger = await connections.ledger();
  const within = choice.batchId === undefined ? {} : { batchId: choice.batchId };
  const waiting = approvalsMeant(await ledger.approvals(within), choice);
  // Whoever answers twice is told what was answered first.
  const meant =
    waiting.length > 0 || choice.all
      ? waiting
      : approvalsMeant(await ledger.approvals({ ...within, waiting: false }), choice);
  if (meant.length === 0 && !choice.all) {
    const named = [...(choice.effects ?? []), ...(choice.jobs ?? [])].join(', ');
    throw new UsageError(`nothing waits for approval under ${named}; "nightshift approve" lists what does`);
  }
  const decided: ApprovalDecided[] = [];
  for (const approval of meant) {
    const outcome = await ledger.decideApproval(approval, decision, connections.who, reason);
    decided.push({ approval, outcome });
    if (outcome.kind === 'decided' && !outcome.jobHeld) await tell(approval, connections);
  }
  return decided;
}

async function tell({ work, jobKey }: Approval, connections: Connections): Promise<void> {
  const client = await connections.client();
  try {
    await client.workflow.getHandle(jobWorkflowId({ work, jobKey })).signal(MESSAGE.decided);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}
