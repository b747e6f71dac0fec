import type { Batch } from '../batch/read-batch.js';
import { agentFacts } from './agent-facts.js';
import type { Connections } from './connections.js';

/** What the agent of a batch says of the prices that its sessions are reckoned with. */
export const priceNotes = async (
  batch: Pick<Batch, 'definition'>,
  connections: Pick<Connections, 'config'>,
): Promise<readonly string[]> => (await agentFacts(batch, connections))?.priceNotes ?? [];
