import { clockStatus } from '../policy/clock-status.js';
import type { Finding } from './doctor.js';

/** Whether the clock of another host agrees with ours. */
export function clockFinding(whose: 'engine' | 'ledger', aheadMs: number): Finding {
  const status = clockStatus(aheadMs);
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  const detail =
    status === 'ok'
      ? `the ${whose}’s and this host’s agree, to within ${seconds} s`
      : `the ${whose}’s is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this host’s`;
  return {
    subject: `clock of the ${whose}`,
    status,
    detail,
    ...(status !== 'ok' && {
      fix: 'have both hosts take the time from one source (NTP): leases, nights and signed requests go by it',
    }),
  };
}
