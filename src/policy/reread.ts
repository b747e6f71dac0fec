import type { ScheduleDefinition } from '../contract/schedules-file.js';

const FIRST_MS = 30_000;
const LONGEST_MS = 10 * 60_000;
/** Less is no time for anything to pass. */
const LEAST_MS = 2_000;

/**
 * When a night is tried again that could not be started, for a reason that may pass: while it may still be late, and so
 * that the last time comes before that is over.
 * @param tries that have failed, from 1
 * @returns milliseconds from now; undefined: not any more
 */
export function rereadDelay(
  dueAt: string,
  { staleMs }: Pick<ScheduleDefinition, 'staleMs'>,
  tries: number,
  now: Date,
): number | undefined {
  const leftMs = Date.parse(dueAt) + staleMs - now.getTime();
  const delayMs = Math.min(FIRST_MS * 2 ** (tries - 1), LONGEST_MS, leftMs / 2);
  return delayMs < LEAST_MS ? undefined : delayMs;
}
