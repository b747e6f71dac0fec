import { sql } from 'kysely';

/**
 * What a stopped job (`j`) made last, whether it passed, failed or could not be checked: the newest artifact that a session
 * of its present revision has left. Null for a job that goes on, or waits for a yes, for then a person has no use for it.
 */
export const lastArtifact = sql<string | null>`case when ${sql.ref('j.state')} in ('parked', 'held')
  or (${sql.ref('j.state')} = 'gated' and ${sql.ref('j.error_class')} is not null) then (
  select s.artifact_sha256 from sessions s
  where s.work = ${sql.ref('j.work')} and s.job_key = ${sql.ref('j.job_key')}
    and s.revision = ${sql.ref('j.revision')} and s.artifact_sha256 is not null
  order by s.attempt desc limit 1) end`;

/** The column as a field of a row. */
export const lastArtifactOf = ({ last_artifact }: { readonly last_artifact: string | null }) =>
  last_artifact === null ? {} : { lastArtifact: last_artifact };
