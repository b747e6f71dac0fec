import { askHolds } from './ask-holds.js';
import { askLeft } from './ask-left.js';
import { awaitBatch } from './await-batch.js';
import { awaitJob } from './await-job.js';
import { awaitUpstream } from './await-upstream.js';
import { decideApprovals } from './decide-approvals.js';
import { closeBatch, noteBatch } from './close-batch.js';
import type { AgentEnd, JobRef, PublishEnd, PublishRequest } from '../contract/messages.js';
import type { Deps } from './deps.js';
import { goneOnWith, settled } from './failure.js';
import { noteRequest } from './note-request.js';
import { openBatch, openShard } from './open-batch.js';
import { publish } from './publish.js';
import { requeueJobs } from './requeue-jobs.js';
import { runAgent } from './run-agent.js';
import { settleJob } from './settle-job.js';
import { startNight } from './start-night.js';
import { unpublish } from './unpublish.js';

/** All Activities. Their names are wire format. */
export const createActivities = (deps: Deps) => ({
  openBatch: settled(openBatch(deps)),
  openShard: settled(openShard(deps)),
  closeBatch: settled(closeBatch(deps)),
  noteBatch: settled(noteBatch(deps)),
  noteRequest: settled(noteRequest(deps)),
  askHolds: settled(askHolds(deps)),
  askLeft: settled(askLeft(deps)),
  decideApprovals: settled(decideApprovals(deps)),
  requeueJobs: settled(requeueJobs(deps)),
  runAgent: watched(deps, runAgent(deps)),
  publish: watched(deps, publish(deps)),
  unpublish: unpublish(deps),
  settleJob: settled(settleJob(deps)),
  awaitJob: awaitJob(deps),
  startNight: goneOnWith(startNight(deps)),
  awaitBatch: awaitBatch(deps),
  awaitUpstream: awaitUpstream(deps),
});

/** What stops a batch, or makes it wait long, is looked at now; all else when it has ended. */
const watched =
  <Request extends JobRef | PublishRequest, End extends AgentEnd | PublishEnd>(
    { alarm }: Deps,
    activity: (request: Request) => Promise<End>,
  ) =>
  async (request: Request): Promise<End> => {
    const end = await activity(request);
    if (end.kind === 'gated' || end.kind === 'wait' || end.kind === 'approval') alarm.look(request.batchId);
    return end;
  };

export type Activities = ReturnType<typeof createActivities>;
