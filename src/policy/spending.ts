/**
 * That much of a budget is used, while there is still something to be done about it.
 *  SP1. A warning and no demand: it is told once for each budget and share, and neither repeated nor taken back.
 *  SP2. The budget of another batch, day or site is another budget. Budgets of single jobs are left out: each may be
 *       used up by one session, and many would be told of.
 */
import type { AlertCause } from './alerts.js';
import { alertFingerprint } from './alerts.js';
import type { BudgetLimits, Counted, Spent } from './budget.js';
import { MICROS } from './money.js';

/** What sessions have cost, and what is set aside for those under way, as far as budgets go. */
export interface BudgetUse {
  readonly batch: Spent;
  /** Absent where no budget asks for it. */
  readonly counted?: Counted;
  /** All batches together, today. */
  readonly day: Spent;
  /** Today, of the sites of this batch. */
  readonly sites: readonly (Spent & { readonly name: string })[];
}

export interface SpendingStanding {
  readonly name: string;
  readonly batchId: string;
  /** The present day, as `2026-11-28`. */
  readonly day: string;
  readonly limits: BudgetLimits;
  readonly use: BudgetUse;
  readonly jobs: number;
  readonly statusCommand: string;
}

interface Used {
  readonly option: 'perBatch' | 'perDay' | 'perSite' | 'sessions' | 'tokens';
  readonly of: string;
  /** Whose budget it is, and of when. */
  readonly instance: string;
  readonly limit: number;
  readonly used: number;
  readonly amount: (value: number) => string;
}

/** The highest share of each budget that is used or set aside by now. */
export function spendingCauses(standing: SpendingStanding): AlertCause[] {
  const { name, limits, jobs, statusCommand } = standing;
  return usedOf(standing).flatMap(({ option, of, instance, limit, used, amount }) => {
    const crossed = limits.warnAt.filter((share) => used >= share * limit);
    if (crossed.length === 0 || limit <= 0) return [];
    const percent = Math.round(Math.max(...crossed) * 100);
    return [
      {
        fingerprint: alertFingerprint('spending', name, `${option} ${instance} ${percent}`, undefined),
        rule: 'spending' as const,
        subject: `budget.${option}`,
        errorClass: undefined,
        detail: {
          headline: `${percent}% of budget.${option} ${of} or more is used or set aside: ${amount(used)} of ${amount(limit)}`,
          jobs: 0,
          of: jobs,
          examples: [],
          next: [
            {
              what: 'nothing is stopped before all of it is used; see where it stands',
              command: statusCommand,
            },
          ],
        },
      },
    ];
  });
}

function usedOf({ batchId, day, limits, use }: SpendingStanding): Used[] {
  const money = ({ bookedMicros, reservedMicros }: Spent) => ({
    used: bookedMicros + reservedMicros,
    amount: (micros: number) => `${micros / MICROS} ${limits.currency}`,
  });
  const { endedSessions = 0, openSessions = 0, tokens = 0 } = use.counted ?? {};
  const budget = (option: Used['option'], how: Pick<Used, 'of' | 'instance' | 'used' | 'amount'>): Used[] => {
    const limit = limits[option];
    return limit === undefined ? [] : [{ option, limit, ...how }];
  };
  const ofBatch = { of: 'of this batch', instance: batchId };
  return [
    ...budget('perBatch', { ...ofBatch, ...money(use.batch) }),
    ...budget('sessions', { ...ofBatch, used: endedSessions + openSessions, amount: String }),
    ...budget('tokens', { ...ofBatch, used: tokens, amount: String }),
    ...budget('perDay', { of: 'of all batches today', instance: day, ...money(use.day) }),
    ...use.sites.flatMap((site) =>
      budget('perSite', {
        of: `of site ${site.name} today`,
        instance: JSON.stringify([day, site.name]),
        ...money(site),
      }),
    ),
  ];
}
