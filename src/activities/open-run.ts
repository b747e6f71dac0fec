import { activityInfo } from '@temporalio/activity';
import { readDefinition } from '../batch/manifest.js';
import { openBatchRow } from '../batch/open-batch-row.js';
import type { Definition } from '../contract/batch-file.js';
import type { BatchInput } from '../contract/messages.js';
import { parseBatchWorkflowId } from '../identity/workflow-ids.js';
import type { Deps } from './deps.js';

/** Notes in the ledger that the present run of a batch is open. @throws AdapterError `lost` */
export async function openRun({ ledger, artifacts }: Deps, input: BatchInput): Promise<Definition> {
  const { workflowId: batchId = '', runId = '' } = activityInfo().workflowExecution ?? {};
  const definition = await readDefinition(input.manifest, artifacts);
  const name = parseBatchWorkflowId(batchId)?.name ?? input.name;
  const run = { id: batchId, name, key: input.key, runId, by: input.startedBy };
  await ledger.openBatch(openBatchRow(run, definition, input.manifest));
  return definition;
}
