import { sessionBudget } from '../activities/session/admit.js';
import type { Batch } from '../batch/read-batch.js';
import { neverStarts } from '../policy/budget.js';
import { agentFacts } from './agent-facts.js';
import type { Connections } from './connections.js';

/** Budgets that are smaller than what one session of the agent sets aside: a night would only wait for them. */
export async function tooSmallBudget(
  batch: Pick<Batch, 'definition'>,
  connections: Pick<Connections, 'config'>,
): Promise<string[]> {
  const { budget } = batch.definition;
  if (budget === undefined) return [];
  const facts = await agentFacts(batch, connections);
  if (facts === undefined) return [];
  const { limits, capMicros } = sessionBudget(budget, facts);
  return neverStarts(limits, capMicros);
}
