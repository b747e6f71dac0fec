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
    const client = await connections.client();
    try {
      await client.workflow.getHandle(batch.id).signal(MESSAGE.holdsChanged);
      told.push(batch);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error; // it was terminated: the ledger has not heard
    }
  }
  return told;
}
