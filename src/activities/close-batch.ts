import { activityInfo, log } from '@temporalio/activity';
import { readDefinition } from '../batch/manifest.js';
import { resolveSecrets } from '../batch/secrets.js';
import type { BatchSummary, ControlRequest, ManifestRef } from '../contract/messages.js';
import type { BatchState } from '../contract/states.js';
import type { Deps } from './deps.js';
import { writeReport } from './write-report.js';

export interface CloseRequest {
  readonly batchId: string;
  readonly state: 'completed' | 'incomplete' | 'cancelled';
  readonly manifest: ManifestRef;
  readonly counts: Omit<BatchSummary, 'batchId' | 'unfinished' | 'stoppedBy'>;
}

/** Longest that one alert may take; an alert never holds up a batch. */
const ALERT_TIMEOUT_MS = 10_000;

/** Records how a run ended, and tells those who asked to be told when it ended unfinished. */
export const closeBatch =
  (deps: Deps) =>
  async ({ batchId, state, manifest, counts }: CloseRequest): Promise<void> => {
    await deps.ledger.setBatchState(batchId, state, 'batch');
    await writeReport(batchId, deps);
    if (state === 'completed') return;
    const { alerts } = await readDefinition(manifest, deps.artifacts);
    const runId = activityInfo().workflowExecution?.runId ?? '';
    for (const { url } of alerts) {
      try {
        const response = await fetch(resolveSecrets(url, deps.env), {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': `${batchId}:${runId}` },
          body: JSON.stringify({ batch: batchId, state, ...counts, next: `nightshift status ${batchId}` }),
          redirect: 'error',
          signal: AbortSignal.timeout(ALERT_TIMEOUT_MS),
        });
        if (!response.ok) log.warn('alert was not accepted', { status: response.status });
      } catch (error) {
        // The batch has ended as it has ended; only the messenger failed. No URL in the log: it may hold a token.
        log.warn('alert could not be sent', { reason: error instanceof Error ? error.name : 'unknown' });
      }
    }
  };

/** Records a pause or a resume, by whom and why. Once this is written, Activities of the batch start nothing new. */
export const noteBatch =
  (deps: Deps) =>
  async (batchId: string, state: BatchState, { by, reason, level }: ControlRequest): Promise<void> => {
    try {
      await deps.ledger.setBatchState(batchId, state, by, reason, level);
    } finally {
      // A run that ends here could not be opened, or broke off: nobody else reports on it.
      if (state === 'incomplete') await writeReport(batchId, deps, reason);
    }
  };
