import { OPEN_SESSION } from '../contract/states.js';
import type { Ledger } from './ledger.js';
import type { Store } from './store.js';
import { uncheckedOf } from './unchecked.js';

/** What stands before a job's next session, for those who ask before they take the job. Reads only. */
export const sessionAhead = (store: Store): Pick<Ledger, 'needsSession'> => ({
  needsSession: ({ work, jobKey }) =>
    store.read(async (db) => {
      const job = await db
        .selectFrom('jobs')
        .select(['work', 'job_key', 'artifact_sha256', 'last_attempt', 'fingerprint', 'revision'])
        .where('work', '=', work)
        .where('job_key', '=', jobKey)
        .executeTakeFirst();
      if (job?.artifact_sha256) return false;
      if (job !== undefined && (await uncheckedOf(db, job)) !== undefined) return false;
      const open = await db
        .selectFrom('sessions')
        .select('run_key')
        .where('work', '=', work)
        .where('job_key', '=', jobKey)
        .where('state', 'in', OPEN_SESSION)
        .limit(1)
        .executeTakeFirst();
      return open === undefined;
    }),
});
