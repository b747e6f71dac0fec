/**
 * Up to this many jobs are children of the batch itself.
 * Source: a child costs its parent up to 9 history events, and the server suggests continue-as-new at 4,096;
 * 400 × 9 = 3,600 leaves room for messages.
 */
export const DIRECT_JOBS_MAX = 400;

/**
 * A run takes jobs in again while its history is shorter than this.
 * Source: the server ends a run at 51,200 events; 400 more jobs add up to 3,600, and those under way add theirs.
 */
export const RETRY_EVENTS_MAX = 40_000;

/** Jobs in one shard of a larger batch. */
export const SHARD_JOBS = 250;

/** A Workflow is a single writer: more jobs at once than this under one parent wait for its history, not for work. */
const SHARD_CONCURRENCY = 25;
const SHARDS_AT_ONCE_MAX = 8;

/** Shards to run at once so that the jobs in progress, shared out among them, reach the batch's concurrency. At least 1. */
export const shardsAtOnce = (concurrency: number, shards: number): number =>
  Math.max(1, Math.min(shards, SHARDS_AT_ONCE_MAX, Math.ceil(concurrency / SHARD_CONCURRENCY)));

/**
 * Cuts a number of jobs into parts, order kept, every job in exactly one.
 * @returns parts of 1 to `SHARD_JOBS` jobs; none for no jobs
 */
export function partsOf(
  jobs: number,
): { readonly index: number; readonly from: number; readonly count: number }[] {
  return Array.from({ length: Math.ceil(jobs / SHARD_JOBS) }, (_, index) => {
    const from = index * SHARD_JOBS;
    return { index, from, count: Math.min(SHARD_JOBS, jobs - from) };
  });
}

/**
 * Shards that may be under way together with those whose jobs all wait for a person: these cost nothing but their place
 * in the history and in the memory of the batch.
 */
export const SHARDS_UNDER_WAY_MAX = 100;

/** How many jobs at once each of so many shards may have: in sum the concurrency, for some perhaps none. */
export const sharesOf = (concurrency: number, shards: number): number[] =>
  Array.from(
    { length: shards },
    (_, at) => Math.floor(concurrency / shards) + (at < concurrency % shards ? 1 : 0),
  );
