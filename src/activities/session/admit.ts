import type { Definition } from '../../contract/batch-file.js';
import type { Job } from '../../contract/job.js';
import type { AgentEnd, JobRef } from '../../contract/messages.js';
import { isPaused, type Deps } from '../deps.js';

/** What stands in the way of a new session; undefined when nothing does. */
export async function refusal(
  definition: Definition,
  job: Job,
  ref: JobRef,
  deps: Deps,
): Promise<AgentEnd | undefined> {
  if (await isPaused(ref.batchId, deps)) return { kind: 'paused' };
  const message = await overBudget(definition, job, ref, deps);
  if (message === undefined) return undefined;
  const trouble = { errorClass: 'budget', message } as const;
  await deps.ledger.settleJob(
    { work: ref.work, jobKey: job.key },
    { state: 'parked', ...trouble },
    ref.batchId,
  );
  return { kind: 'parked', ...trouble };
}

async function overBudget(
  { budget }: Definition,
  job: Job,
  { work, batchId }: JobRef,
  { ledger }: Deps,
): Promise<string | undefined> {
  const spent = async (of: Parameters<typeof ledger.spend>[0]) => (await ledger.spend(of)) / 1e6;
  if (budget?.perJob !== undefined) {
    const cost = await spent({ job: { work, jobKey: job.key } });
    if (cost >= budget.perJob)
      return `the job has cost ${cost} ${budget.currency}; its budget is ${budget.perJob}`;
  }
  if (budget?.perBatch !== undefined) {
    const cost = await spent({ batchId });
    if (cost >= budget.perBatch)
      return `the batch has cost ${cost} ${budget.currency}; its budget is ${budget.perBatch}`;
  }
  return undefined;
}
