import { parseBatchWorkflowId } from '../identity/workflow-ids.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { BatchState } from '../contract/states.js';
import type { Style } from '../report/line.js';

/** A batch as `--json` shows it: what operators can use, in the words of `run --json`. */
export const batchDocument = ({
  id,
  name,
  key,
  work,
  edition,
  runId,
  state,
  reason,
  jobs,
  openedAt,
  closedAt,
  openedBy,
}: BatchRow) => ({
  name,
  key,
  workflowId: id,
  runId,
  work,
  edition,
  state,
  reason,
  jobs,
  openedAt,
  closedAt,
  openedBy,
});

export const styleOfBatch = (state: BatchState): Style => STYLES[state];

const STYLES: Readonly<Record<BatchState, Style>> = {
  running: 'blue',
  paused: 'yellow',
  completed: 'green',
  incomplete: 'yellow',
  cancelled: 'red',
};

/** The name in a batch's Workflow ID; a name stays as it is. */
export const batchOf = (nameOrId: string): string => parseBatchWorkflowId(nameOrId)?.name ?? nameOrId;
