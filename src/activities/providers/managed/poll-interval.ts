import { durationMs, type Duration } from '../../../contract/batch-file.js';
import { MINUTE_MS } from '../../../contract/units.js';

/**
 * Often while a session is young, seldom later: runs take minutes, and requests per minute are limited.
 * @param own an operator's own interval, whatever the age
 */
export function pollIntervalMs(ageMs: number, own: Duration | undefined): number {
  if (own !== undefined) return durationMs(own);
  if (ageMs < 2 * MINUTE_MS) return 5_000;
  return ageMs < 15 * MINUTE_MS ? 15_000 : 30_000;
}
