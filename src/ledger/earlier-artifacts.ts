import type { ArtifactRef } from '../contract/artifact.js';
import type { JobId } from './ledger.js';
import { identityOf } from './rows.js';
import type { Db } from './store.js';

/** The artifact that a job has now: one that passed its checks. */
export interface EarlierArtifactRow {
  readonly jobKey: string;
  readonly identity: Readonly<Record<string, string>>;
  readonly artifact: ArtifactRef;
}

/**
 * What other jobs of the same work made, those that changed last first. The job itself is left out: a new revision of
 * it may well be like the one before. What failed its checks belongs to a session alone and is not among them.
 * @param limit most rows
 */
export async function earlierArtifacts(
  db: Db,
  { work, jobKey }: JobId,
  limit: number,
): Promise<EarlierArtifactRow[]> {
  const rows = await db
    .selectFrom('jobs')
    .select(['job_key', 'identity', 'artifact_sha256', 'artifact_bytes', 'artifact_mime'])
    .where('work', '=', work)
    .where('job_key', '!=', jobKey)
    .where('artifact_sha256', 'is not', null)
    .orderBy('updated_at', 'desc')
    .orderBy('job_key')
    .limit(limit)
    .execute();
  return rows.flatMap((row) => {
    if (row.artifact_sha256 === null) return [];
    return {
      jobKey: row.job_key,
      identity: identityOf(row.identity),
      artifact: {
        sha256: row.artifact_sha256,
        bytes: row.artifact_bytes ?? 0,
        ...(row.artifact_mime !== null && { mime: row.artifact_mime }),
      },
    };
  });
}
