import { effectsOf } from '../batch/effects.js';
import type { Batch } from '../batch/read-batch.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Left } from '../policy/left.js';
import { judge, needsSession, RUNS } from '../policy/verdict.js';

/** Asked of the ledger in one query. */
const CHUNK = 1000;

/** The most that a start of the batch may have to do, as far as the ledger knows. Reads only. */
export async function leftToDo(
  { definition, jobs }: Pick<Batch, 'definition' | 'jobs'>,
  ledger: Pick<Ledger, 'jobs'>,
): Promise<Left> {
  let left: Left = 'nothing';
  for (let at = 0; at < jobs.length; at += CHUNK) {
    const chunk = jobs.slice(at, at + CHUNK);
    const known = await ledger.jobs(
      definition.work,
      chunk.map(({ key }) => key),
    );
    for (const job of chunk) {
      const before = known.get(job.key);
      const effectKeys = effectsOf(definition, job).map(({ key }) => key);
      if (!RUNS.has(judge({ ...job, effectKeys }, before).verdict)) continue;
      if (needsSession(job, before)) return 'sessions';
      left = 'effects';
    }
  }
  return left;
}
