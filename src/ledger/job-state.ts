import type { ErrorClass } from '../contract/errors.js';
import type { JobEnd } from '../contract/messages.js';
import type { JobState, ShownJobState } from '../contract/states.js';
import { AGENT_STEP } from './attempts.js';
import { StaleFence, type JobId } from './ledger.js';
import type { JobsTable } from './schema.js';
import type { Db } from './store.js';
import { jobPath } from './transitions.js';

/** A job under way, or stopped at a gate on its way. */
export const IN_PROGRESS = ['running', 'gated'] as const satisfies readonly JobState[];

export const isInProgress = (state: JobState): boolean => state === 'running' || state === 'gated';

/**
 * Held because of a session, not of an effect: an effect of which nobody knows the outcome is named by `step`, or has
 * its artifact behind it, and a session that was held left none.
 */
export const isHeldForSession = ({
  state,
  error_class,
  step,
  artifact_sha256,
}: {
  readonly state: ShownJobState;
  readonly error_class: ErrorClass | null;
  readonly step: string | null;
  readonly artifact_sha256: string | null;
}): boolean =>
  state === 'held' && error_class === 'unknown' && step === AGENT_STEP && artifact_sha256 === null;

/** Names a job in messages and in `history`. */
export const jobSubject = (job: JobId): string => `${job.work}:${job.jobKey}`;

/** @param present fence of the job, where there is one */
export const staleJob = (subject: string, present: number | undefined, given: number): StaleFence =>
  new StaleFence(
    `another try took job ${subject} over [fence=${given}, present=${present ?? 'none'}]: this one stops`,
  );

export interface Written {
  readonly at: string;
  readonly by: string;
}

/**
 * Changes the state of a job, with what is known of its error. Nothing happens when it is in that state already.
 * @param detour see `jobPath`
 * @throws IllegalTransition
 */
export async function moveJob(
  db: Db,
  job: Pick<JobsTable, 'work' | 'job_key' | 'state' | 'active_since'>,
  end: JobEnd,
  { at, by }: Written,
  detour = false,
): Promise<void> {
  const id = { work: job.work, jobKey: job.job_key };
  for (const state of jobPath(jobSubject(id), job.state, end.state, detour)) {
    const arrived = state === end.state;
    await db
      .updateTable('jobs')
      .set({
        state,
        active_since: isInProgress(state) ? (job.active_since ?? at) : null,
        error_class: (arrived ? end.errorClass : undefined) ?? null,
        error_message: (arrived ? end.message : undefined) ?? null,
        updated_at: at,
        updated_by: by,
        detail: (arrived ? detailOf(end) : undefined) ?? null,
      })
      .where('work', '=', job.work)
      .where('job_key', '=', job.job_key)
      .execute();
  }
}

/** What `history` says of an end: `rejected: too short`. */
export const detailOf = (end: Pick<JobEnd, 'errorClass' | 'message'>): string | undefined =>
  [end.errorClass, end.message].filter((part) => part !== undefined).join(': ') || undefined;
