import { awaitJob } from './await-job.js';
import { closeBatch, noteBatch } from './close-batch.js';
import type { Deps } from './deps.js';
import { openBatch, openShard } from './open-batch.js';
import { publish } from './publish.js';
import { requeueJobs } from './requeue-jobs.js';
import { runAgent } from './run-agent.js';
import { settleJob } from './settle-job.js';

/** All Activities. Their names are wire format. */
export const createActivities = (deps: Deps) => ({
  openBatch: openBatch(deps),
  openShard: openShard(deps),
  closeBatch: closeBatch(deps),
  noteBatch: noteBatch(deps),
  requeueJobs: requeueJobs(deps),
  runAgent: runAgent(deps),
  publish: publish(deps),
  settleJob: settleJob(deps),
  awaitJob: awaitJob(deps),
});

export type Activities = ReturnType<typeof createActivities>;
