import { durationMs } from '../contract/duration-ms.js';
import type { StopLossRule } from '../contract/limits.js';
import type { JobEndSeen } from '../contract/messages.js';

/** Fewer ends than this say nothing about a share. */
const ENDS_MIN = 10;

/** Ends kept for a window; older ones are forgotten first, so that a night of any length costs the same. */
const ENDS_MAX = 10_000;

/** A shard keeps less than this part of a `count` to itself: up to this number, each failure is told at once. */
const COUNT_PARTS = 100;

/** Likewise of a `share`, of the failures that it has told: a shard whose jobs all fail tells 34 times instead of 250. */
const FAILURES_PARTS = 8;

/** Adds ends to those seen, and forgets what no rule can ask for any more. */
export function seen(
  ends: readonly JobEndSeen[],
  more: readonly JobEndSeen[],
  rules: readonly StopLossRule[],
  nowMs: number,
): JobEndSeen[] {
  const longest = Math.max(0, ...rules.map(({ window }) => durationMs(window)));
  const asked = more.filter((end) => rules.some((rule) => rule.share !== undefined || strikes(rule, end)));
  return [...ends, ...asked].filter(({ atMs }) => nowMs - atMs < longest).slice(-ENDS_MAX);
}

/**
 * Whether a batch still admits jobs, after those ends. What is left is held back, not failed: the next start, or
 * `resume`, goes on with it.
 * @param since a person said "go on" then: jobs admitted before tell nothing of what they have mended
 * @param isAll false: others may have ended as well, so that a share may be one of enough
 * @returns why it stops, or may have to; undefined while it does not
 */
export function stopLoss(
  ends: readonly JobEndSeen[],
  rules: readonly StopLossRule[],
  nowMs: number,
  since = -Infinity,
  isAll = true,
): string | undefined {
  const endsMin = isAll ? ENDS_MIN : 1;
  for (const rule of rules) {
    const { class: asked, count, share, window } = rule;
    const { within, struck } = counted(ends, rule, nowMs, since);
    const named = asked === 'any' ? 'some error' : `error class "${asked}"`;
    if (count !== undefined && struck >= count)
      return `${struck} jobs ended with ${named} within ${window}; the limit is ${count}`;
    if (share !== undefined && within >= endsMin && struck >= share * within) {
      const percent = Math.round(share * 100);
      return `${struck} of the last ${within} jobs ended with ${named} within ${window}; the limit is ${percent}%`;
    }
  }
  return undefined;
}

/**
 * Whether a shard is to tell its batch now what it has not told yet. Shares of which each is below a limit are so
 * together: where few fail, nothing needs to be told.
 * @param untold its ends since it last told
 * @param told its failures from before that: those of which a rule has no count any more allow no silence
 * @param since as of `stopLoss`
 */
export const isToTell = (
  untold: readonly JobEndSeen[],
  told: readonly JobEndSeen[],
  rules: readonly StopLossRule[],
  nowMs: number,
  since: number,
): boolean =>
  rules.some((rule) => {
    const { within, struck } = counted(untold, rule, nowMs, since);
    if (struck === 0) return false;
    if (rule.count !== undefined) return struck >= rule.count / COUNT_PARTS;
    if (struck < (rule.share ?? 1) * within) return false;
    return struck >= counted(told, rule, nowMs, since).struck / FAILURES_PARTS;
  });

function counted(ends: readonly JobEndSeen[], rule: StopLossRule, nowMs: number, since: number) {
  const windowMs = durationMs(rule.window);
  const within = ends.filter(({ atMs, admittedAtMs }) => nowMs - atMs < windowMs && admittedAtMs >= since);
  return { within: within.length, struck: within.filter((end) => strikes(rule, end)).length };
}

const strikes = ({ class: asked }: StopLossRule, { errorClass }: JobEndSeen): boolean =>
  asked === 'any' ? errorClass !== undefined : errorClass === asked;
