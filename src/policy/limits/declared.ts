import type { LaneLimits } from '../../contract/limits.js';
import { MINUTE_MS } from '../../contract/units.js';
import type { LaneState, LaneUser } from './state.js';

/** A batch that has not touched the lane for so long does not bind others any more. */
const DECLARED_FOR_MS = 30 * MINUTE_MS;
const RENEWED_AFTER_MS = 5 * MINUTE_MS;

const KINDS = [
  'requestsPerMinute',
  'requestsPerSecond',
  'sessions',
  'tokensPerMinute',
  'spendPer10Min',
] as const;

/** Notes the limits of the user's batch, and forgets those of batches that ended. The same object where nothing changes. */
export function declare(state: LaneState, { batchId, limits }: LaneUser, now: number): LaneState {
  const known = state.declared[batchId];
  // What declares nothing takes nothing back: another effect of the batch may have a limit.
  if (KINDS.every((kind) => limits[kind] === undefined)) return state;
  const same = known !== undefined && KINDS.every((kind) => known.limits[kind] === limits[kind]);
  if (same && now - known.seenAt < RENEWED_AFTER_MS) return state;
  const others = Object.entries(state.declared).filter(
    ([batch, { seenAt }]) => batch !== batchId && now - seenAt < DECLARED_FOR_MS,
  );
  return { ...state, declared: { ...Object.fromEntries(others), [batchId]: { limits, seenAt: now } } };
}

/** The strictest of what is declared at the moment. */
export function ceiling(state: LaneState, now: number): LaneLimits {
  const strictest: { -readonly [kind in keyof LaneLimits]: LaneLimits[kind] } = {};
  for (const { limits, seenAt } of Object.values(state.declared)) {
    if (now - seenAt >= DECLARED_FOR_MS) continue;
    for (const kind of KINDS) {
      const limit = limits[kind];
      if (limit !== undefined) strictest[kind] = Math.min(limit, strictest[kind] ?? Infinity);
    }
  }
  return strictest;
}

/** Whether sessions are counted there: each takes a place then. */
export const countsSessions = ({ sessions, tokensPerMinute, spendPer10Min }: LaneLimits): boolean =>
  sessions !== undefined || tokensPerMinute !== undefined || spendPer10Min !== undefined;
