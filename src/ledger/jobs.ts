import type { JobEnd } from '../contract/messages.js';
import { type EffectState, isFinished } from '../contract/states.js';
import { writerOf } from './by.js';
import { discarded, discardOf, holdsFor } from './discarded.js';
import { isHeldForSession, jobSubject, moveJob, staleJob, type Written } from './job-state.js';
import type { JobId, KnownJob, Ledger } from './ledger.js';
import { artifactOf, inChunks, KEYS_PER_QUERY } from './rows.js';
import type { Db, Store } from './store.js';

type Jobs = Pick<Ledger, 'jobs' | 'settleJob'>;

export const jobs = (store: Store): Jobs => ({
  jobs: (work, keys) => store.read((db) => knownJobs(db, work, keys)),

  settleJob: (job, end, by, fence) =>
    store.write((db) => settleJob(db, job, end, { at: store.now(), by: writerOf(by) }, fence)),
});

async function knownJobs(
  db: Db,
  work: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, KnownJob>> {
  const known = new Map<string, KnownJob>();
  for (const chunk of inChunks(keys, KEYS_PER_QUERY)) {
    const effects = await effectsOf(db, work, chunk);
    const decided = new Map((await discarded(db, work, chunk).execute()).map((row) => [row.job_key, row]));
    const rows = await db
      .selectFrom('jobs')
      .select(['job_key', 'state', 'fingerprint', 'revision', 'last_attempt', 'error_class', 'error_message'])
      .select(['artifact_sha256', 'artifact_bytes', 'artifact_mime', 'step'])
      .where('work', '=', work)
      .where('job_key', 'in', chunk)
      .execute();
    for (const row of rows) {
      const discard = decided.get(row.job_key);
      known.set(row.job_key, {
        state: row.state,
        fingerprint: row.fingerprint,
        revision: row.revision,
        artifact: artifactOf(row),
        attempts: row.last_attempt,
        effects: effects.get(row.job_key) ?? new Map(),
        errorClass: row.error_class ?? undefined,
        errorMessage: row.error_message ?? undefined,
        ...(isHeldForSession(row) && { heldForSession: true }),
        ...(discard && holdsFor(discard, row) && discardOf(discard)),
      });
    }
  }
  return known;
}

type EffectsReached = Map<string, { readonly state: EffectState; readonly revision: number }>;

async function effectsOf(
  db: Db,
  work: string,
  keys: readonly string[],
): Promise<ReadonlyMap<string, EffectsReached>> {
  const rows = await db
    .selectFrom('effects')
    .select(['job_key', 'effect_key', 'state', 'revision'])
    .where('work', '=', work)
    .where('job_key', 'in', keys)
    .execute();
  const byJob = new Map<string, EffectsReached>();
  for (const { job_key, effect_key, state, revision } of rows) {
    const effects = byJob.get(job_key) ?? new Map<string, { state: EffectState; revision: number }>();
    byJob.set(job_key, effects.set(effect_key, { state, revision }));
  }
  return byJob;
}

/** A job that was never claimed has nothing to end: it stays unknown, and so unfinished, which is the truth. */
async function settleJob(
  db: Db,
  job: JobId,
  end: JobEnd,
  written: Written,
  fence: number | undefined,
): Promise<void> {
  const row = await db
    .selectFrom('jobs')
    .select(['work', 'job_key', 'state', 'active_since', 'fence'])
    .where('work', '=', job.work)
    .where('job_key', '=', job.jobKey)
    .executeTakeFirst();
  if (fence !== undefined && row?.fence !== fence) throw staleJob(jobSubject(job), row?.fence, fence);
  if (row !== undefined) return moveJob(db, row, end, written);
  if (!isFinished(end.state)) return;
  throw new Error(`the ledger has no job ${jobSubject(job)}, so it can't be ${end.state}: claim it first`);
}
