import type { JobId, KnownJob, Ledger } from './ledger.js';

/** What the ledger knows of one job; undefined when it has never been claimed. */
export const knownJob = async (
  ledger: Pick<Ledger, 'jobs'>,
  { work, jobKey }: JobId,
): Promise<KnownJob | undefined> => (await ledger.jobs(work, [jobKey])).get(jobKey);
