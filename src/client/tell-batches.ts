import { WorkflowNotFoundError } from '@temporalio/common';
import { MESSAGE } from '../contract/messages.js';
import type { Connections } from './connections.js';

/**
 * Tells all batches under way that what holds their jobs back may have changed: a pause, a closed lane. Jobs that wait
 * look again at once.
 * @returns how many are under way
 */
export async function tellBatches(connections: Connections): Promise<number> {
  const ledger = await connections.ledger();
  const open = (await ledger.batches(Number.MAX_SAFE_INTEGER)).filter(
    ({ state }) => state === 'running' || state === 'paused',
  );
  let told = 0;
  for (const { id } of open) {
    const client = await connections.client();
    try {
      await client.workflow.getHandle(id).signal(MESSAGE.holdsChanged);
      told++;
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error; // it was terminated: the ledger has not heard
    }
  }
  return told;
}
