import { createHash } from 'node:crypto';
import { jobKey, runKey } from '../src/identity/keys.js';
import { JOBS } from './faults.js';

/** Who carries the night. */
export const WORLDS = ['naive', 'retries', 'nightshift'] as const;
export type World = (typeof WORLDS)[number];

/** Hours of the night from its start to the morning deadline. */
export const NIGHT_HOURS = 8;
export const WORK = 'article';
export const IDENTITY = ['site', 'category', 'slug'] as const;

export interface NightJob {
  readonly site: string;
  readonly category: string;
  readonly slug: string;
}

export const jobAt = (night: number, job: number): NightJob => ({
  site: `night-${night}`,
  category: 'news',
  slug: slugOf(job),
});

export const jobsOf = (night: number): NightJob[] =>
  Array.from({ length: JOBS }, (_, job) => jobAt(night, job));

export const slugOf = (job: number): string => `story-${job}`;

/** By what the service tells the jobs apart, and by what its ledger counts. */
export function serviceKey(world: World, night: number, job: number): string {
  if (world !== 'nightshift')
    return createHash('sha256').update(`${world}/${night}/${job}`).digest('hex').slice(0, 32);
  const key = jobKey({ ...jobAt(night, job) });
  return runKey({ work: WORK, jobKey: key, revision: 1 });
}

/** Real milliseconds of so many minutes of the night. */
export const minutesMs = (minutes: number, speed: number): number => (minutes * 60_000) / speed;

/** Minutes of the night in so many real milliseconds. */
export const minutesIn = (ms: number, speed: number): number => (ms * speed) / 60_000;

/** What a script is given; times are minutes of the night. */
export interface ScriptNight {
  readonly jobs: readonly NightJob[];
  readonly service: string;
  readonly destination: string;
  readonly sleep: (minutes: number) => Promise<void>;
  readonly minutesNow: () => number;
  /** Of so many real milliseconds, as services say how long to wait. */
  readonly minutesIn: (ms: number) => number;
}
