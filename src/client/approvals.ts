import { WorkflowNotFoundError } from '@temporalio/common';
import { askedEffects, type AskedEffect } from '../activities/effect-preview.js';
import type { ApprovalChoice } from '../contract/approval.js';
import type { HoldScope } from '../contract/holds.js';
import { MESSAGE } from '../contract/messages.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import type { Approval, DecidedApproval, OpenQuestion } from '../ledger/ledger.js';
import { shownApproval } from '../policy/as-shown.js';
import { approvalsMeant } from '../policy/approvals-meant.js';
import type { Connections } from './connections.js';
import { previewOf, type ApprovalPreview } from './approval-preview.js';
import { factsOf, irreversibleOf, type Irreversible } from './facts-of.js';
import { inScope } from './scope-members.js';

export type WaitingApproval = Approval & {
  readonly preview: ApprovalPreview;
  /** What to answer with: it stands for this request alone. */
  readonly shownAs: string;
};

export interface ApprovalDecided {
  readonly approval: Approval;
  readonly outcome: DecidedApproval;
}

/** Whose effects are meant. */
export type Among = { readonly batchId: string } | { readonly scope: HoldScope };

/**
 * What waits for a person's yes, and what would happen; oldest first. Needs no engine.
 * @throws UsageError when no batch has ever had that work or provider
 */
export async function waitingApprovals(
  among: Among,
  connections: Connections,
): Promise<readonly WaitingApproval[]> {
  const ledger = await connections.ledger();
  const waiting = await approvalsAmong(among, true, connections);
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

async function approvalsAmong(
  among: Among,
  waiting: boolean,
  connections: Connections,
): Promise<readonly Approval[]> {
  const ledger = await connections.ledger();
  if ('batchId' in among) return ledger.approvals({ batchId: among.batchId, waiting });
  return inScope(among.scope, await ledger.approvals({ waiting }), connections);
}

/** Effects of unknown outcome. @throws as `waitingApprovals` */
export async function questionsAmong(
  among: Among,
  connections: Connections,
): Promise<readonly OpenQuestion[]> {
  const ledger = await connections.ledger();
  if ('batchId' in among) return ledger.openQuestions(among.batchId);
  return inScope(among.scope, await ledger.openQuestions(), connections);
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
 * @throws UsageError when one of the names stands for nothing, for several, or for what has changed since it was shown, or
 * no batch has ever had that work or provider; nothing is answered then
 */
export async function decideApprovals(
  choice: ApprovalChoice,
  among: Among,
  decision: 'approved' | 'rejected',
  connections: Connections,
  reason: string,
): Promise<readonly ApprovalDecided[]> {
  const ledger = await connections.ledger();
  const known = await approvalsAmong(among, choice.all ?? false, connections);
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
