import { providerFor } from '../activities/providers/provider-for.js';
import { sessionBudget } from '../activities/session/admit.js';
import type { Batch } from '../batch/read-batch.js';
import { AdapterError } from '../contract/errors.js';
import { neverStarts } from '../policy/budget.js';
import type { Connections } from './connections.js';

/** Budgets that are smaller than what one session of the agent sets aside: a night would only wait for them. */
export async function tooSmallBudget(
  { definition }: Pick<Batch, 'definition'>,
  { config }: Pick<Connections, 'config'>,
): Promise<string[]> {
  if (definition.budget === undefined) return [];
  try {
    const { facts } = await providerFor(definition, config);
    const { limits, capMicros } = sessionBudget(definition.budget, facts);
    return neverStarts(limits, capMicros);
  } catch (error) {
    if (error instanceof AdapterError) return []; // what is wrong with the agent is told by whoever needs it
    throw error;
  }
}
