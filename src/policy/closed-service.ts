import { HOUR_MS, MINUTE_MS } from '../contract/units.js';
import type { GateCause } from './limits/state.js';

/** A service that is closed to us. Times are milliseconds since the epoch. */
export interface ClosedService {
  readonly subject: string;
  readonly cause: GateCause;
  /** A quota that does not come back by itself: an empty balance, a spend limit. */
  readonly needsPerson?: true;
  readonly sinceMs: number;
  /** When it is looked at again. */
  readonly retryAtMs: number;
  readonly why: string;
}

/** A service that is down for less time mostly comes back by itself. */
const DOWN_MS = 30 * MINUTE_MS;
/** A quota that comes back sooner costs the night little. */
const QUOTA_MS = HOUR_MS;

/**
 * What a person is to hear of it while jobs wait, if anything. A quota counts from when it was used up to when it is looked at
 * again, however often that was put off. When the time for that look has come, nothing is known before its answer: nobody may
 * have asked since, as in a pause.
 */
export function worthTelling(
  { cause, needsPerson, sinceMs, retryAtMs }: ClosedService,
  nowMs: number,
): 'quota' | 'down' | undefined {
  if (nowMs >= retryAtMs) return undefined;
  switch (cause) {
    case 'exhausted':
      return needsPerson || retryAtMs - sinceMs >= QUOTA_MS ? 'quota' : undefined;
    case 'transient':
      return nowMs - sinceMs >= DOWN_MS ? 'down' : undefined;
    case 'auth':
      return undefined; // its jobs say so, each for itself
  }
}
