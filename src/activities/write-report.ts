import { log } from '@temporalio/activity';
import { messageOf } from '../contract/thrown.js';
import { parseBatchWorkflowId } from '../identity/workflow-ids.js';
import type { Deps } from './deps.js';
import { askedInShort } from './effect-preview.js';

/**
 * Writes the morning report of a batch that has ended, or could not be opened. A report that fails is logged and
 * nothing else: the batch has ended as it has ended.
 * @param why said where no run of it was ever opened
 */
export async function writeReport(
  batchId: string,
  { ledger, artifacts, stateDir, now }: Pick<Deps, 'ledger' | 'artifacts' | 'stateDir' | 'now'>,
  why?: string,
): Promise<void> {
  try {
    const { keepReport, makeReport } = await import('../report/morning/make-report.js');
    const name = parseBatchWorkflowId(batchId)?.name ?? 'batch';
    const asked = await askedInShort(batchId, { ledger, artifacts });
    const options = { stateDir, artifacts, asked, now: now() };
    const report = await makeReport({ id: batchId, name }, ledger, options, why);
    await keepReport(report, ledger, stateDir);
  } catch (error) {
    log.warn('the morning report could not be written; "nightshift report" makes it again', {
      reason: messageOf(error),
    });
  }
}
