import { sql } from 'kysely';
import type { Unapproved } from '../contract/approval.js';

/** Who answers in the place of people who did not. */
export const TIME_LIMIT = 'time limit';

/**
 * Why an effect of a held job (`j`) may not leave, where nothing failed: of what it would send now, a person has said
 * no, or nobody has answered in time. Null for all else.
 */
export const unapproved = sql<Unapproved | null>`case when ${sql.ref('j.state')} = 'held'
  and ${sql.ref('j.error_class')} in ('rejected', 'timeout') then (
  select case when a.state = 'rejected' and a.decided_by <> ${TIME_LIMIT} then 'rejected' else 'unanswered' end
  from approvals a
  where a.work = ${sql.ref('j.work')} and a.job_key = ${sql.ref('j.job_key')}
    and a.revision = ${sql.ref('j.revision')} and a.artifact_sha256 = ${sql.ref('j.artifact_sha256')}
    and (a.state = 'rejected' or (a.state = 'waiting' and a.due_at is not null))
  order by a.asked_at desc limit 1) end`;

/** Whether an effect of a gated job (`j`) waits for a person's answer. One that has it stays gated until there is a place for it. */
export const waitsForAnswer = sql<number>`case when ${sql.ref('j.state')} = 'gated' and exists (
  select 1 from approvals a
  where a.work = ${sql.ref('j.work')} and a.job_key = ${sql.ref('j.job_key')} and a.state = 'waiting') then 1 else 0 end`;

/** The column as a field of a row. */
export const unapprovedOf = ({ unapproved: why }: { readonly unapproved: Unapproved | null }) =>
  why === null ? {} : { unapproved: why };
