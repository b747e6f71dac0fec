import type { BudgetUse } from '../policy/spending.js';
import type { Ledger } from './ledger.js';
import { isOfBatch } from './of-batch.js';
import { countedIn, spentIn } from './reservations.js';
import type { Db, Store } from './store.js';

/** The sums that a reservation is judged by, for all budgets of a batch that are not those of single jobs. */
export const budgetUse = (store: Store): Pick<Ledger, 'budgetUse'> => ({
  budgetUse: (batchId, limits, today) =>
    store.read(async (db): Promise<BudgetUse> => {
      const spent = spentIn(db, limits.currency, today);
      const sites: BudgetUse['sites'][number][] = [];
      for (const name of await sitesOf(db, batchId)) sites.push({ name, ...(await spent.site(name)) });
      const counted = await countedIn(db, batchId, limits);
      return { batch: await spent.batch(batchId), ...counted, day: await spent.day(), sites };
    }),
});

async function sitesOf(db: Db, batchId: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('sessions')
    .select('site')
    .distinct()
    .where(isOfBatch('sessions', batchId))
    .orderBy('site')
    .execute();
  return rows.flatMap(({ site }) => site ?? []);
}
