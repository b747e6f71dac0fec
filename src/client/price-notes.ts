import { providerFor } from '../activities/providers/provider-for.js';
import type { Batch } from '../batch/read-batch.js';
import { AdapterError } from '../contract/errors.js';
import type { Connections } from './connections.js';

/** What the agent of a batch says of the prices that its sessions are reckoned with. */
export async function priceNotes(
  { definition }: Pick<Batch, 'definition'>,
  { config }: Pick<Connections, 'config'>,
): Promise<readonly string[]> {
  try {
    return (await providerFor(definition, config)).facts.priceNotes ?? [];
  } catch (error) {
    if (error instanceof AdapterError) return []; // what is wrong with the agent is told by whoever needs it
    throw error;
  }
}
