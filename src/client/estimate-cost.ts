import type { Batch } from '../batch/read-batch.js';
import { currencyOf } from '../contract/batch-file.js';
import type { Ledger } from '../ledger/ledger.js';
import { MICROS } from '../policy/money.js';

/** What the sessions of a run would cost, and how anybody can know. */
export type CostEstimate =
  | { readonly from: 'no-sessions'; readonly sessions: 0 }
  /** Of earlier sessions of the same work whose cost is known. */
  | {
      readonly from: 'ledger';
      readonly sessions: number;
      readonly currency: string;
      readonly total: number;
      readonly each: { readonly low: number; readonly mean: number; readonly high: number };
      readonly known: number;
    }
  /** `budget.perSession`: no session may cost more, none may cost that much. */
  | {
      readonly from: 'budget';
      readonly sessions: number;
      readonly currency: string;
      readonly total: number;
    }
  | { readonly from: 'nothing'; readonly sessions: number };

/** Failed and lost sessions count too: whoever runs a night pays for those as well. */
export async function estimateCost(
  { definition }: Pick<Batch, 'definition'>,
  sessions: number,
  ledger: Pick<Ledger, 'costOfSessions'>,
): Promise<CostEstimate> {
  if (sessions === 0) return { from: 'no-sessions', sessions };
  const { work, budget } = definition;
  const currency = currencyOf(definition);
  const known = await ledger.costOfSessions({ work, currency });
  if (known !== undefined) {
    const mean = known.total / known.sessions / MICROS;
    const each = { low: known.low / MICROS, mean, high: known.high / MICROS };
    return { from: 'ledger', sessions, currency, total: mean * sessions, each, known: known.sessions };
  }
  if (budget?.perSession !== undefined)
    return { from: 'budget', sessions, currency, total: budget.perSession * sessions };
  return { from: 'nothing', sessions };
}

/** The same estimate for another number of sessions. */
export function costOf(estimate: CostEstimate, sessions: number): CostEstimate {
  if (sessions === 0 || estimate.from === 'no-sessions') return { from: 'no-sessions', sessions: 0 };
  if (estimate.from === 'nothing') return { ...estimate, sessions };
  return { ...estimate, sessions, total: (estimate.total / estimate.sessions) * sessions };
}
