import type { Definition } from '../contract/batch-file.js';
import { isUnderWay } from '../contract/states.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import type { AlertCause } from '../policy/alerts.js';
import { budgetLimits } from '../policy/budget.js';
import { budgetDay } from '../policy/budget-day.js';
import { spendingCauses } from '../policy/spending.js';

/** What is to be told of the budgets of a batch under way; nothing of one that is over, for nothing is left to stop. */
export async function spendingOf(
  { id, name, state, jobs }: BatchRow,
  budget: Definition['budget'],
  { ledger, now, statusCommand }: { ledger: Ledger; now: Date; statusCommand: string },
): Promise<AlertCause[]> {
  if (budget === undefined || !isUnderWay(state)) return [];
  const limits = budgetLimits(budget);
  const today = budgetDay(now, limits);
  const use = await ledger.budgetUse(id, limits, today);
  return spendingCauses({
    name,
    batchId: id,
    day: today.from.toISOString(),
    limits,
    use,
    jobs,
    statusCommand,
  });
}
