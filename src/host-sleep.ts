/**
 * Notices that this process stood still: its host slept, as a rule, or its clock was set ahead. What runs on the host stood
 * still with it, and could do nothing in that time. A monotonic clock does not tell: some systems let it run on.
 */

const TICK_MS = 10_000;

/** No tick of a host that is awake comes so much later than it was asked for. */
const LATE_MS = 60_000;

interface Sleep {
  readonly fromMs: number;
  readonly toMs: number;
}

let sleeps: readonly Sleep[] = [];
let beganMs: number | undefined;
let lastTickMs = 0;

/** From now on; a worker begins when it starts. Keeps no process alive. */
export function noticeSleep(): void {
  if (beganMs !== undefined) return;
  beganMs = Date.now();
  lastTickMs = beganMs;
  setInterval(tick, TICK_MS).unref();
}

function tick(): void {
  const nowMs = Date.now();
  const lateMs = nowMs - lastTickMs - TICK_MS;
  if (lateMs > LATE_MS) sleeps = [...sleeps, { fromMs: lastTickMs, toMs: nowMs }];
  // A clock that is put right again had been ahead: nobody slept.
  if (lateMs < -LATE_MS) sleeps = sleeps.filter(({ toMs }) => toMs <= nowMs);
  lastTickMs = nowMs;
}

/** Whoever asks may wake before the timer does. */
function look(): void {
  noticeSleep();
  tick();
}

/** How long the host slept since then, as far as this process saw. */
export function sleptMs(sinceMs: number): number {
  look();
  return sleeps.reduce((sum, { fromMs, toMs }) => sum + Math.max(0, toMs - Math.max(fromMs, sinceMs)), 0);
}

/** When that would have been, had the host not slept since: the time from then until now is time awake. */
export const withoutSleep = (atMs: number): number => atMs + sleptMs(atMs);

/** How long the host was awake from then until now, as far as this process saw. */
export const awakeMs = (sinceMs: number, nowMs: number): number => nowMs - withoutSleep(sinceMs);

/** Since when this process has been there to see anything, without a break. */
export function thereSinceMs(): number {
  look();
  return sleeps.at(-1)?.toMs ?? beganMs ?? lastTickMs;
}
