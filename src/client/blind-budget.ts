import type { Batch } from '../batch/read-batch.js';
import { agentFacts } from './agent-facts.js';
import type { Connections } from './connections.js';

/**
 * A budget of money over an agent that tells no cost: each of its sessions would count as nothing, and however many there
 * were, it would hold none of them. One that may tell, and has not run yet, is believed.
 */
export async function blindBudget(
  batch: Pick<Batch, 'definition'>,
  connections: Pick<Connections, 'config' | 'ledger'>,
): Promise<string[]> {
  const { budget, work } = batch.definition;
  if (budget === undefined || budget.sessions !== undefined || budget.tokens !== undefined) return [];
  const { perJob, perBatch, perDay, perSite } = budget;
  if ([perJob, perBatch, perDay, perSite].every((limit) => limit === undefined)) return [];
  const facts = await agentFacts(batch, connections);
  if (facts === undefined) return [];
  const { name, cost } = facts;
  const instead = 'bound the batch by budget.sessions as well, which counts them';
  if (cost === 'none') return [`${name} tells no cost, so the budget will hold no session: ${instead}`];
  const ledger = await connections.ledger();
  const { told, untold } = await ledger.costsTold({ work, provider: name });
  if (told > 0 || untold === 0) return [];
  const so = `none of the last sessions of ${work} that ${name} has delivered (${untold}) told what it cost`;
  return [`${so}, and the budget holds none that tells nothing: ${instead}`];
}
