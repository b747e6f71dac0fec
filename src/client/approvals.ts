import { WorkflowNotFoundError } from '@temporalio/common';
import { askedEffects, type AskedEffect } from '../activities/effect-preview.js';
import type { ApprovalChoice } from '../contract/approval.js';
import { MESSAGE } from '../contract/messages.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import type { Approval, DecidedApproval } from '../ledger/ledger.js';
import { shownApproval } from '../policy/as-shown.js';
import { approvalsMeant } from '../policy/approvals-meant.js';
import type { Connections } from './connections.js';
import { previewOf, type ApprovalPreview } from './approval-preview.js';
import { factsOf, irreversibleOf, type Irreversible } from './facts-of.js';

export type WaitingApproval = Approval & {
  readonly preview: ApprovalPreview;
  /** What to answer with: it stands for this request alone. */
  readonly shownAs: string;
};

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
  const asked = await askedEffects(waiting, { ledger, artifacts: connections.artifacts });
  const finalByEffect = new Map<string, Promise<Irreversible | undefined>>();
  return Promise.all(
    waiting.map(async (approval) => {
      const effect = asked.get(approval);
      const final = await finalOf(approval, effect);
      const preview = await previewOf(approval, effect, final, connections);
      return { ...approval, preview, shownAs: shownApproval(approval) };
    }),
  );

  /** A publisher is made once for all that wait for it. */
  async function finalOf(
    { batchId, name }: Approval,
    effect: AskedEffect | undefined,
  ): Promise<Irreversible | undefined> {
    if (!effect) return 'unknown';
    const key = JSON.stringify([batchId, name]);
    const known = finalByEffect.get(key) ?? finalHere(effect, connections);
    finalByEffect.set(key, known);
    return known;
  }
}

/** A module that can't be made here, for whatever reason, must not take the list from those who are to answer. */
async function finalHere(
  { effect, definition }: AskedEffect,
  connections: Connections,
): Promise<Irreversible | undefined> {
  try {
    return irreversibleOf(await factsOf(effect, definition.baseDir, connections));
  } catch {
    return 'unknown';
  }
}

/**
 * Writes the answer down, then tells the jobs. One whose worker is gone is told by the engine when there is one again,
 * and one that has ended asks the ledger at its next start.
 * @throws UsageError when one of the names stands for nothing, for several, or for what has changed since it was shown;
 * nothing is answered then
 */
export async function decideApprovals(
  choice: ApprovalChoice & { readonly batchId?: string },
  decision: 'approved' | 'rejected',
  connections: Connections,
  reason: string,
): Promise<readonly ApprovalDecided[]> {
  const ledger = await connections.ledger();
  const within = choice.batchId === undefined ? {} : { batchId: choice.batchId };
  const known = await ledger.approvals({ ...within, waiting: choice.all ?? false });
  const decided: ApprovalDecided[] = [];
  for (const approval of approvalsMeant(known, choice)) {
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
