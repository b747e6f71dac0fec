import { judgeJobs } from '../batch/judge-jobs.js';
import type { Batch } from '../batch/read-batch.js';
import type { Ledger } from '../ledger/ledger.js';
import type { LeftToDo } from '../policy/left-to-do.js';
import { needsSession, RUNS } from '../policy/verdict.js';

/** The most that a start of the batch may have to do, as far as the ledger knows. Reads only. */
export async function leftToDo(
  { definition, jobs }: Pick<Batch, 'definition' | 'jobs'>,
  ledger: Pick<Ledger, 'jobs'>,
): Promise<LeftToDo> {
  let left: LeftToDo = 'nothing';
  const listed = jobs.map((job) => ({ job }));
  for await (const { job, verdict, known } of judgeJobs(definition, listed, ledger)) {
    if (!RUNS.has(verdict)) continue;
    if (needsSession(job, known)) return 'sessions';
    left = 'effects';
  }
  return left;
}
