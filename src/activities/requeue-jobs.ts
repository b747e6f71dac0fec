import { activityInfo } from '@temporalio/activity';
import { effectsOf } from '../batch/effects.js';
import { readDefinition, readTickets } from '../batch/manifest.js';
import type { BatchInput, RetryRequest, Ticket } from '../contract/messages.js';
import { DIRECT_JOBS_MAX } from '../policy/shards.js';
import type { Deps } from './deps.js';
import { ticketOf } from './ticket.js';

/**
 * Gives parked jobs of a running batch a fresh budget; answers with what is needed to start them. All that may fail
 * comes first: a job that was put back, and is not taken in, would be neither parked nor begun.
 */
export const requeueJobs =
  ({ ledger, artifacts }: Deps) =>
  async (
    input: BatchInput,
    { by, keys, errors, asOf, alsoDiscarded, first = DIRECT_JOBS_MAX }: RetryRequest,
  ): Promise<Ticket[]> => {
    const { workflowExecution, attempt } = activityInfo();
    const batchId = workflowExecution?.workflowId ?? '';
    const selection = {
      ...(keys && { keys }),
      ...(errors && { errors }),
      ...(asOf !== undefined && { asOf }),
      ...(alsoDiscarded && { alsoDiscarded }),
      // They become children of the batch itself, and their tickets part of its history.
      first: Math.min(first, DIRECT_JOBS_MAX),
    };
    const stopped = (await ledger.stopped(batchId, selection)).map(({ key }) => key);
    const putBack = attempt > 1 && keys ? await waitingAmong(keys) : [];
    const meant = new Set([...stopped, ...putBack]);
    if (meant.size === 0) return [];
    const tickets: Ticket[] = [];
    const definition = await readDefinition(input.manifest, artifacts);
    for await (const stored of readTickets(input.manifest, artifacts)) {
      if (meant.has(stored.job.key)) tickets.push(ticketOf(stored, effectsOf(definition, stored.job), false));
    }
    const again = new Set([
      ...(await ledger.requeue(batchId, by, { ...selection, keys: stopped })),
      ...putBack,
    ]);
    return tickets.filter(({ key }) => again.has(key));

    /** An earlier try has put them back, and its worker died before it could say so. */
    async function waitingAmong(named: readonly string[]): Promise<string[]> {
      const known = await ledger.jobs(input.work, named);
      return named.filter((key) => known.get(key)?.state === 'waiting');
    }
  };
