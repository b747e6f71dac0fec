import { NOTHING_USED, type Usage } from '../../../ledger/ledger.js';
import { microsOf } from './options.js';

/**
 * Of a session that was paid for and whose cost can't be learnt: the most that was set aside for it, so that
 * budgets and reports never show less than was spent.
 */
export const reservedUsage = (reserveUsd: number, known: Partial<Usage> = {}): Usage => ({
  ...NOTHING_USED,
  ...known,
  costMicros: microsOf(reserveUsd),
  costSource: 'estimate',
  currency: 'USD',
});
