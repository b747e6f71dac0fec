/** Beyond this the order of what several hosts note is not what happened. */
const WARN_MS = 2_000;
/** Beyond this leases and signed requests are judged wrongly. */
const FAIL_MS = 60_000;

/** How well two clocks agree. @param aheadMs of the other one */
export function clockStatus(aheadMs: number): 'ok' | 'warn' | 'fail' {
  const off = Math.abs(aheadMs);
  if (off > FAIL_MS) return 'fail';
  return off > WARN_MS ? 'warn' : 'ok';
}
