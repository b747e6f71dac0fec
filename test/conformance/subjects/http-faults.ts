import type { FaultKind, Faults } from '../../../src/testing/conformance/index.js';
import type { LossyProxy } from '../../support/lossy-proxy.js';

/** Shorter than any settle time that the subjects ask for. */
const LATE_MS = 400;

/** What a proxy between publisher and server can do to one request. */
export function faultsBy(
  proxy: LossyProxy,
  kinds: readonly FaultKind[] = ['drop-before', 'drop-answer', 'half-answer', 'late-request'],
): Faults {
  let seen = 0;
  let armed = 0;
  return {
    kinds,
    arm(kind, nth) {
      const mine = ++armed;
      let count = 0;
      const fault = kind === 'late-request' ? { kind, ms: LATE_MS } : { kind };
      proxy.next(fault, () => mine === armed && ++count === nth);
    },
    disarm: () => void armed++,
    requests() {
      const since = proxy.seen.length - seen;
      seen = proxy.seen.length;
      return since;
    },
    idle: () => proxy.idle(),
  };
}
