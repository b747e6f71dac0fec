import { providerFor } from '../activities/providers/provider-for.js';
import type { Batch } from '../batch/read-batch.js';
import { AdapterError } from '../contract/errors.js';
import type { Connections } from './connections.js';

/**
 * A budget of money over an agent that tells no cost: each of its sessions would count as nothing, and however many there
 * were, it would hold none of them. One that may tell, and has not run yet, is believed.
 */
export async function blindBudget(
  { definition }: Pick<Batch, 'definition'>,
  connections: Pick<Connections, 'config' | 'ledger'>,
): Promise<string[]> {
  const { budget, work } = definition;
  if (budget === undefined || budget.sessions !== undefined || budget.tokens !== undefined) return [];
  const { perJob, perBatch, perDay, perSite } = budget;
  if ([perJob, perBatch, perDay, perSite].every((limit) => limit === undefined)) return [];
  try {
    const { name, cost } = (await providerFor(definition, connections.config)).facts;
    const instead = 'bound the batch by budget.sessions as well, which counts them';
    if (cost === 'none') return [`${name} tells no cost, so the budget will hold no session: ${instead}`];
    const ledger = await connections.ledger();
    const { told, untold } = await ledger.costsTold({ work, provider: name });
    if (told > 0 || untold === 0) return [];
    const so = `none of the last sessions of ${work} that ${name} has delivered (${untold}) told what it cost`;
    return [`${so}, and the budget holds none that tells nothing: ${instead}`];
  } catch (error) {
    if (error instanceof AdapterError) return []; // what is wrong with the agent is told by whoever needs it
    throw error;
  }
}
