import { scopeText, type Hold } from '../contract/holds.js';
import { parseBatchWorkflowId } from '../identity/workflow-ids.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { BatchState } from '../contract/states.js';
import type { Span, Style } from '../report/line.js';

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

/** Nothing begins while a pause is on, be it of the batch or a wider one, which then is named. */
export function stateSpan(state: BatchState, hold: Hold | undefined): Span {
  if (state !== 'running' || hold === undefined) return { style: STYLES[state], text: state };
  return { style: STYLES.paused, text: `paused (${scopeText(hold.scope)})` };
}

const STYLES: Readonly<Record<BatchState, Style>> = {
  running: 'blue',
  paused: 'yellow',
  completed: 'green',
  incomplete: 'yellow',
  cancelled: 'red',
};

/** The name in a batch's Workflow ID; a name stays as it is. */
export const batchOf = (nameOrId: string): string => parseBatchWorkflowId(nameOrId)?.name ?? nameOrId;
