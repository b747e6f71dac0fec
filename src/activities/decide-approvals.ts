import type { ApprovalAnswer, ApprovedJob } from '../contract/messages.js';
import { approvalsMeant } from '../policy/approvals-meant.js';
import type { Deps } from './deps.js';

/** A person's answer that came as a message: from the Web UI, or the `temporal` program. */
export const decideApprovals =
  ({ ledger }: Deps) =>
  async (answer: ApprovalAnswer): Promise<readonly ApprovedJob[]> => {
    const waiting = await ledger.approvals(answer.batchId === undefined ? {} : { batchId: answer.batchId });
    const decided: ApprovedJob[] = [];
    for (const approval of approvalsMeant(waiting, answer)) {
      if (answer.work !== undefined && approval.work !== answer.work) continue;
      const { kind } = await ledger.decideApproval(approval, answer.decision, answer.by, answer.reason);
      const { work, jobKey, jobState } = approval;
      if (kind === 'decided') decided.push({ work, jobKey, waits: jobState === 'gated' });
    }
    return decided;
  };
