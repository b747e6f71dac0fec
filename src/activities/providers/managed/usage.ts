import { NOTHING_USED, type Usage } from '../../../ledger/ledger.js';
import { microsOf } from './options.js';

/**
 * Of a session that was paid for and whose cost can't be learnt: the reserve of the agent. The ledger books no more of it
 * than a budget has set aside for the session.
 */
export const reservedUsage = (reserveUsd: number, known: Partial<Usage> = {}): Usage => ({
  ...NOTHING_USED,
  ...known,
  costMicros: microsOf(reserveUsd),
  costSource: 'estimate',
  currency: 'USD',
});
