import type { Definition } from '../contract/batch-file.js';
import { isUnderWay } from '../contract/states.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import type { AlertCause } from '../policy/alerts.js';
import { budgetLimits } from '../policy/budget.js';
import { dayOf } from '../policy/calendar-day.js';
import { spendingCauses } from '../policy/spending.js';

/** What is to be told of the budgets of a batch under way; nothing of one that is over, for nothing is left to stop. */
export async function spendingOf(
  { id, name, state, jobs }: BatchRow,
  budget: Definition['budget'],
  { ledger, now, statusCommand }: { ledger: Ledger; now: Date; statusCommand: string },
): Promise<AlertCause[]> {
  if (budget === undefined || !isUnderWay(state)) return [];
  const limits = budgetLimits(budget);
  const { from, until } = dayOf(now, limits.timeZone);
  const use = await ledger.budgetUse(id, limits.currency, { from, until });
  return spendingCauses({ name, batchId: id, day: from.toISOString(), limits, use, jobs, statusCommand });
}
