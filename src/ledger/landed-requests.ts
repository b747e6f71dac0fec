import type { LandedRequest, Ledger } from './ledger.js';
import { inChunks, KEYS_PER_QUERY } from './rows.js';
import type { Store } from './store.js';

export const landedRequests = (store: Store): Pick<Ledger, 'landedRequests'> => ({
  landedRequests: (work, keys) =>
    store.read(async (db) => {
      const found: LandedRequest[] = [];
      for (const chunk of inChunks(keys, KEYS_PER_QUERY)) {
        const rows = await db
          .selectFrom('effects as e')
          .innerJoin('receipts as r', (join) =>
            join.onRef('r.effect_key', '=', 'e.effect_key').onRef('r.revision', '=', 'e.landed_revision'),
          )
          .innerJoin('jobs as j', (join) =>
            join.onRef('j.work', '=', 'e.work').onRef('j.job_key', '=', 'e.job_key'),
          )
          .select(['e.job_key', 'e.effect_key', 'e.revision', 'e.sent_sha256'])
          .select(['j.artifact_sha256', 'r.batch_id'])
          .where('e.work', '=', work)
          .where('e.job_key', 'in', chunk)
          .where('e.state', '=', 'landed')
          .execute();
        for (const { job_key, effect_key, revision, sent_sha256, artifact_sha256, batch_id } of rows)
          if (sent_sha256 !== null && artifact_sha256 !== null)
            found.push({
              jobKey: job_key,
              effectKey: effect_key,
              revision,
              sentSha256: sent_sha256,
              artifact: artifact_sha256,
              batchId: batch_id,
            });
      }
      return found;
    }),
});
