import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { MESSAGE } from '../contract/messages.js';
import type { BatchRow } from '../ledger/ledger.js';
import { batchesUnderWay } from './batches-under-way.js';
import type { Connections } from './connections.js';

/**
 * Tells all batches under way that what holds their jobs back may have changed: a pause, a closed lane. Jobs that wait
 * look again at once.
 * @returns those that are under way
 */
export async function tellBatches(connections: Connections): Promise<readonly BatchRow[]> {
  const open = await batchesUnderWay(await connections.ledger());
  const told: BatchRow[] = [];
  for (const batch of open) {
    if (await tellBatch(batch.id, await connections.client())) told.push(batch);
  }
  return told;
}

/** The same for one batch: its budget may be another one. @returns whether it is under way */
export async function tellBatch(
  workflowId: string,
  { workflow }: Pick<Client, 'workflow'>,
): Promise<boolean> {
  try {
    await workflow.getHandle(workflowId).signal(MESSAGE.holdsChanged);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false; // it was terminated: the ledger has not heard
    throw error;
  }
}
