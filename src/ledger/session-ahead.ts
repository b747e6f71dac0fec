import { OPEN_SESSION } from '../contract/states.js';
import type { Ledger } from './ledger.js';
import type { Store } from './store.js';

/** What stands before a job's next session, for those who ask before they take the job. Reads only. */
export const sessionAhead = (store: Store): Pick<Ledger, 'needsSession'> => ({
  needsSession: ({ work, jobKey }) =>
    store.read(async (db) => {
      const made = await db
        .selectFrom('jobs')
        .select('artifact_sha256')
        .where('work', '=', work)
        .where('job_key', '=', jobKey)
        .executeTakeFirst();
      if (made?.artifact_sha256) return false;
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
