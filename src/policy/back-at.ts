import type { JobReport } from '../contract/result.js';
import { MENDABLE } from './mend.js';

/** The last moment that a date can name: a service may say any number. */
const LAST_MS = 8_640_000_000_000_000;

/** ISO 8601, UTC; views say it by the clock on the wall. */
export const isoTime = (ms: number): string => new Date(Math.min(ms, LAST_MS)).toISOString();

/** Why a job does not wait for a service. Its message is where people, and `backAtOf`, find the time. */
export const backAt = (ms: number): string => `back at ${isoTime(ms)}, later than patience lasts`;

/** When what the job was gated for is back, as its service has said; ISO 8601. Undefined where nobody knows. */
export const backAtOf = ({ error }: Pick<JobReport, 'error'>): string | undefined =>
  /\bback at (\S+Z), later than patience lasts/.exec(error?.message ?? '')?.[1];

/** Gated by a service that takes nothing for now: no person has to mend anything, or to say yes. */
export const isGatedForNow = ({ state, error }: Pick<JobReport, 'state' | 'error'>): boolean =>
  state === 'gated' && error !== undefined && MENDABLE.every((errorClass) => errorClass !== error.class);
