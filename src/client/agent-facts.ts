import { providerFor } from '../activities/providers/provider-for.js';
import type { ProviderFacts } from '../activities/providers/provider.js';
import type { Batch } from '../batch/read-batch.js';
import { AdapterError } from '../contract/errors.js';
import type { Connections } from './connections.js';

/** What the agent of a batch says of itself; undefined where it can't be made, of which whoever needs it tells. */
export async function agentFacts(
  { definition }: Pick<Batch, 'definition'>,
  { config }: Pick<Connections, 'config'>,
): Promise<ProviderFacts | undefined> {
  try {
    return (await providerFor(definition, config)).facts;
  } catch (error) {
    if (error instanceof AdapterError) return undefined;
    throw error;
  }
}
