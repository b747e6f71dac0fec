import { log } from '@temporalio/activity';
import { UsageError } from '../contract/errors.js';
import type { ApprovalAnswer, ApprovedJob } from '../contract/messages.js';
import type { Approval } from '../ledger/ledger.js';
import { approvalsMeant } from '../policy/approvals-meant.js';
import type { Deps } from './deps.js';

/** A person's answer that came as a message: from the Web UI, or the `temporal` program. */
export const decideApprovals =
  ({ ledger }: Deps) =>
  async (answer: ApprovalAnswer): Promise<readonly ApprovedJob[]> => {
    const within = answer.batchId === undefined ? {} : { batchId: answer.batchId };
    const known = await ledger.approvals({ ...within, waiting: answer.all ?? false });
    const decided: ApprovedJob[] = [];
    for (const approval of meantBy(answer, known)) {
      if (answer.work !== undefined && approval.work !== answer.work) continue;
      const { kind } = await ledger.decideApproval(approval, answer.decision, answer.by, answer.reason);
      const { work, jobKey, jobState } = approval;
      if (kind === 'decided') decided.push({ work, jobKey, waits: jobState === 'gated' });
    }
    return decided;
  };

/** Whoever sends a message sees by what comes back, and by what goes on waiting, that nothing was decided. */
function meantBy(answer: ApprovalAnswer, known: readonly Approval[]): readonly Approval[] {
  try {
    return approvalsMeant(known, answer);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    log.warn('an answer decides nothing', { why: error.message, by: answer.by });
    return [];
  }
}
