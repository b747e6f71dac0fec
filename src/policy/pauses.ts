/**
 * Pauses that a batch has stood before, its own and wider ones. Time in which a person has kept work back is nobody's: no
 * patience, no time for an answer and no pace counts it, at whatever level. Times are milliseconds since the epoch.
 */
export interface Pause {
  readonly fromMs: number;
  /** Undefined while it is on. */
  readonly toMs: number | undefined;
}

/** How much of a time any of them was on. */
export function pausedMs(pauses: readonly Pause[], fromMs: number, toMs: number): number {
  let paused = 0;
  let reachedMs = fromMs;
  for (const pause of [...pauses].sort((a, b) => a.fromMs - b.fromMs)) {
    const beganMs = Math.max(reachedMs, pause.fromMs);
    const endedMs = Math.min(toMs, pause.toMs ?? toMs);
    if (endedMs <= beganMs) continue;
    paused += endedMs - beganMs;
    reachedMs = endedMs;
  }
  return paused;
}

/** When the newest of those that are over has ended; undefined where none is over. */
export const resumedMs = (pauses: readonly Pause[]): number | undefined =>
  pauses.reduce<number | undefined>(
    (newest, { toMs }) => (toMs !== undefined && toMs > (newest ?? -Infinity) ? toMs : newest),
    undefined,
  );
