import { activityInfo, log } from '@temporalio/activity';
import { cancelAsked, type CancelAsked } from '../client/cancel-request.js';
import { STOP_LOSS, type BatchInput, type ControlRequest } from '../contract/messages.js';
import type { BatchState } from '../contract/states.js';
import { messageOf } from '../contract/thrown.js';
import type { Deps } from './deps.js';
import { openRun } from './open-run.js';
import { tellOfEnd } from './tell-monitor.js';
import { writeReport } from './write-report.js';

export interface CloseRequest {
  readonly batchId: string;
  readonly state: 'completed' | 'incomplete' | 'cancelled';
  /** What it was started with, where it ends before it has opened: the ledger may know of no run, or of an earlier one. */
  readonly unopened?: BatchInput;
}

/** Records how a run ended; what a person must do about it is queued to be told. */
export const closeBatch =
  (deps: Deps) =>
  async ({ batchId, state, unopened }: CloseRequest): Promise<void> => {
    if (unopened) await openRun(deps, unopened);
    const asked = state === 'cancelled' ? await whoCancelled(batchId, deps) : undefined;
    await deps.ledger.setBatchState(batchId, state, asked?.by ?? 'batch', asked?.reason);
    if (asked) await noteCancelled(batchId, asked, deps);
    const kind = state === 'completed' ? 'ping-success' : 'ping-fail';
    await tellOfEnd(deps, batchId, { kind, runId: runIdOf() });
    await writeReport(batchId, deps);
  };

/** That the run ends well is worth more than who ended it. */
async function whoCancelled(batchId: string, { client }: Deps): Promise<CancelAsked | undefined> {
  try {
    return await cancelAsked(runOf(batchId), client);
  } catch (error) {
    log.warn('who cancelled the run could not be read', { reason: messageOf(error) });
    return undefined;
  }
}

/** Whoever cancels from the Web UI, or with the `temporal` program, tells the engine alone. */
async function noteCancelled(
  batchId: string,
  { by, reason, at }: CancelAsked,
  { ledger }: Deps,
): Promise<void> {
  const row = await ledger.batch(batchId);
  if (row === undefined) return;
  const { id, name, key, work } = row;
  const request = { by, what: 'cancel', outcome: 'answered', batch: { id, name, key }, work } as const;
  await ledger.recordRequest({ ...request, ...(reason !== undefined && { reason }), runId: runIdOf() }, at);
}

/** Records a pause or a resume, by whom and why. Once this is written, Activities of the batch start nothing new. */
export const noteBatch =
  (deps: Deps) =>
  async (batchId: string, state: BatchState, { by, reason, level }: ControlRequest): Promise<void> => {
    try {
      await deps.ledger.setBatchState(batchId, state, by, reason, level);
      if (state === 'incomplete') await tellOfEnd(deps, batchId, { kind: 'ping-fail', runId: runIdOf() });
      else if (state === 'paused' && by === STOP_LOSS) await tellOfEnd(deps, batchId, undefined);
    } finally {
      // A run that ends here could not be opened, or broke off: nobody else reports on it.
      if (state === 'incomplete') await writeReport(batchId, deps, reason);
    }
  };

const runOf = (workflowId: string) => ({ workflowId, runId: runIdOf() });

const runIdOf = (): string => activityInfo().workflowExecution?.runId ?? '';
