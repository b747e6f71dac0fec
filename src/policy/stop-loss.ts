import type { ErrorClass } from '../contract/errors.js';
import { durationMs } from '../contract/duration-ms.js';
import type { StopLossRule } from '../contract/limits.js';

/** Fewer ends than this say nothing about a share. */
const ENDS_MIN = 10;

/** Ends kept for a window; older ones are forgotten first, so that a night of any length costs the same. */
const ENDS_MAX = 500;

/** How one job came out of this run. What a person has decided is no such end, and counts neither way. */
export interface JobEndSeen {
  /** Absent: well. */
  readonly errorClass?: ErrorClass;
  /** Milliseconds since the epoch; in a Workflow, by its own clock. */
  readonly atMs: number;
}

/** Adds an end to those seen, oldest first, and forgets what no rule can ask for any more. */
export function seen(
  ends: readonly JobEndSeen[],
  end: JobEndSeen,
  rules: readonly StopLossRule[],
): JobEndSeen[] {
  const longest = Math.max(0, ...rules.map(({ window }) => durationMs(window)));
  return [...ends, end].filter(({ atMs }) => end.atMs - atMs < longest).slice(-ENDS_MAX);
}

/**
 * Whether a batch still admits jobs, after those ends. What is left is held back, not failed: the next start, or
 * `resume`, goes on with it.
 * @param since ends before this do not count: a person said "go on" then
 * @returns why it stops; undefined while it does not
 */
export function stopLoss(
  ends: readonly JobEndSeen[],
  rules: readonly StopLossRule[],
  nowMs: number,
  since = -Infinity,
): string | undefined {
  for (const { class: asked, count, share, window } of rules) {
    const within = ends.filter(({ atMs }) => nowMs - atMs < durationMs(window) && atMs >= since);
    const struck = within.filter(({ errorClass }) =>
      asked === 'any' ? errorClass !== undefined : errorClass === asked,
    ).length;
    const named = asked === 'any' ? 'some error' : `error class "${asked}"`;
    if (count !== undefined && struck >= count)
      return `${struck} jobs ended with ${named} within ${window}; the limit is ${count}`;
    if (share !== undefined && within.length >= ENDS_MIN && struck >= share * within.length) {
      const percent = Math.round(share * 100);
      return `${struck} of the last ${within.length} jobs ended with ${named} within ${window}; the limit is ${percent}%`;
    }
  }
  return undefined;
}
