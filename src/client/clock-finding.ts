import { clockStatus } from '../policy/clock-status.js';
import type { Finding } from './doctor.js';

/** Whether the clock of the ledger's host agrees with ours. */
export function clockFinding(aheadMs: number): Finding {
  const status = clockStatus(aheadMs);
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  const detail =
    status === 'ok'
      ? `the ledger’s and this host’s agree, to within ${seconds} s`
      : `the ledger’s is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this host’s`;
  return {
    subject: 'clock of the ledger',
    status,
    detail,
    ...(status !== 'ok' && {
      fix: 'have both hosts take the time from one source (NTP): leases, nights and signed requests go by it',
    }),
  };
}
