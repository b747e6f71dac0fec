import { activityInfo } from '@temporalio/activity';
import { effectsOf } from '../batch/effects.js';
import { readDefinition, readTickets } from '../batch/manifest.js';
import type { BatchInput, RetryRequest, Ticket } from '../contract/messages.js';
import { DIRECT_JOBS_MAX } from '../policy/shards.js';
import type { Deps } from './deps.js';
import { ticketOf } from './ticket.js';

/** Gives parked jobs of a running batch a fresh budget; answers with what is needed to start them. */
export const requeueJobs =
  ({ ledger, artifacts }: Deps) =>
  async (
    input: BatchInput,
    { by, keys, errors, first = DIRECT_JOBS_MAX }: RetryRequest,
  ): Promise<Ticket[]> => {
    const batchId = activityInfo().workflowExecution?.workflowId ?? '';
    const selection = {
      ...(keys && { keys }),
      ...(errors && { errors }),
      // They become children of the batch itself, and their tickets part of its history.
      first: Math.min(first, DIRECT_JOBS_MAX),
    };
    const requeued = new Set(await ledger.requeue(batchId, by, selection));
    const tickets: Ticket[] = [];
    if (requeued.size === 0) return tickets;
    const definition = await readDefinition(input.manifest, artifacts);
    for await (const stored of readTickets(input.manifest, artifacts)) {
      if (requeued.has(stored.job.key))
        tickets.push(ticketOf(stored, effectsOf(definition, stored.job), false));
    }
    return tickets;
  };
