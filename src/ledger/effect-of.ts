import type { Ledger } from './ledger.js';
import { identityOf } from './rows.js';
import type { Store } from './store.js';

type EffectOf = Pick<Ledger, 'effectOf'>;

export const effectOf = (store: Store): EffectOf => ({
  async effectOf(effectKey) {
    const row = await store.db
      .selectFrom('effects as e')
      .innerJoin('jobs as j', (join) =>
        join.onRef('j.work', '=', 'e.work').onRef('j.job_key', '=', 'e.job_key'),
      )
      .leftJoin('batches as b', 'b.id', 'e.batch_id')
      .select(['e.name', 'e.batch_id', 'j.identity', 'b.name as batch_name'])
      .where('e.effect_key', '=', effectKey)
      .executeTakeFirst();
    return (
      row && { name: row.name, identity: identityOf(row.identity), batch: row.batch_name ?? row.batch_id }
    );
  },
});
