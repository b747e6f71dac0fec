import type { Batch } from '../batch/read-batch.js';
import { currencyOf } from '../contract/batch-file.js';
import type { CostRow, Ledger } from '../ledger/ledger.js';
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
  ledger: Pick<Ledger, 'costs'>,
): Promise<CostEstimate> {
  if (sessions === 0) return { from: 'no-sessions', sessions };
  const { work, budget } = definition;
  const currency = currencyOf(definition);
  const costs: number[] = [];
  await ledger.costs({}, (rows: readonly CostRow[]) => {
    for (const row of rows) {
      const isKnown = row.use !== 'open' && row.usage.costSource !== 'none';
      const isAlike = row.work === work && row.currency === currency;
      if (isKnown && isAlike) costs.push(row.usage.costMicros / MICROS);
    }
  });
  if (costs.length > 0) {
    const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
    const [low, high] = [Math.min(...costs), Math.max(...costs)];
    const each = { low, mean, high };
    return { from: 'ledger', sessions, currency, total: mean * sessions, each, known: costs.length };
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
