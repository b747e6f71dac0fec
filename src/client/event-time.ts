import type { HistoryEvent } from './cancel-request.js';

/** A time of the engine; ISO 8601. */
export function timeOf(stamp: HistoryEvent['eventTime']): string {
  const seconds = Number(stamp?.seconds ?? 0);
  return new Date(seconds * 1000 + Math.floor((stamp?.nanos ?? 0) / 1e6)).toISOString();
}
