import type { UncheckedArtifact } from './ledger.js';
import { artifactOf, sessionRowOf, usedBy } from './rows.js';
import type { JobsTable } from './schema.js';
import type { Db } from './store.js';

type Made = Pick<
  JobsTable,
  'work' | 'job_key' | 'artifact_sha256' | 'last_attempt' | 'fingerprint' | 'revision'
>;

/**
 * What the newest session of a job has made, where it is not the job's: its checks could not run. One whose artifact failed
 * them, or is lost, has another state.
 */
export async function uncheckedOf(db: Db, job: Made): Promise<UncheckedArtifact | undefined> {
  if (job.artifact_sha256 !== null || job.last_attempt === 0) return undefined;
  const row = await db
    .selectFrom('sessions')
    .select(['run_key', 'attempt', 'provider', 'revision', 'state', 'handle', 'opened_at'])
    .select(['artifact_sha256', 'artifact_bytes', 'artifact_mime'])
    .select(['input_tokens', 'output_tokens', 'cached_tokens', 'cost_micros', 'cost_source'])
    .select(['currency', 'model', 'price_table', 'price_date'])
    .where('work', '=', job.work)
    .where('job_key', '=', job.job_key)
    .where('attempt', '=', job.last_attempt)
    .where('revision', '=', job.revision)
    .where('fingerprint', '=', job.fingerprint)
    .where('state', '=', 'collected')
    .executeTakeFirst();
  const artifact = row && artifactOf(row);
  if (row === undefined || artifact === undefined) return undefined;
  const usage = {
    ...usedBy(row),
    ...(row.currency !== null && { currency: row.currency }),
    ...(row.model !== null && { model: row.model }),
    ...(row.price_table !== null && { priceTable: { id: row.price_table, date: row.price_date ?? '' } }),
  };
  return { session: sessionRowOf(row), artifact, usage };
}
