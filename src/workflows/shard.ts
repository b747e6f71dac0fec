import { ApplicationFailure } from '@temporalio/common';
import {
  allHandlersFinished,
  condition,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  workflowInfo,
  type ExternalWorkflowHandle,
} from '@temporalio/workflow';
import { DEFAULT_LEVEL } from '../contract/holds.js';
import {
  FAILURE,
  STOP_LOSS,
  type ShardAside,
  type ShardInput,
  type ShardSummary,
} from '../contract/messages.js';
import { batchActivities } from './activity-options.js';
import { currentDetails } from './current-details.js';
import { EndsToTell } from './ends-to-tell.js';
import { Lanes } from './lanes.js';
import {
  canaryOverSignal,
  controlRequestOf,
  pauseSignal,
  resumeSignal,
  setAsideSignal,
  setConcurrencySignal,
  shardAsideSignal,
  shardEndsSignal,
  shareOf,
  stopSignal,
  tellEndsSignal,
} from './messages.js';
import { NAMED_MAX, Tally } from './tally.js';

/** The batch has ended, and ends its shards with it. */
const ended = (): void => undefined;

/**
 * Carries a part of a large batch. Ends Failed (`ShardIncomplete`) when a job is left unfinished, as its batch does.
 */
export async function shard({
  batch,
  batchId,
  slice,
  concurrency,
  held,
  canary,
  paceMs,
}: ShardInput): Promise<ShardSummary> {
  const { openShard } = batchActivities(batch.timing);
  const tally = new Tally(slice.count);
  let isAside = false;
  const ends = new EndsToTell(
    batch.stopLoss ?? [],
    () => lanes.resumedAt,
    async (told) =>
      toBatch()
        ?.signal(shardEndsSignal, { shard: slice.index, ends: told, waiting: lanes.waiting })
        .catch(ended),
  );
  const lanes: Lanes = new Lanes(
    batch,
    batchId,
    tally,
    { concurrency, paused: held, canary, paceMs },
    {
      ended(end) {
        // What ends while it stands still was begun before the resume, and will not count.
        if (!lanes.isPaused) ends.add(end);
      },
      standsStill: () => ends.standsStill,
      canaryFailed(reason, admittedAt) {
        // The batch pauses all its shards. It may have been terminated meanwhile: then nobody pauses anything.
        const told = getExternalWorkflowHandle(batchId).signal(pauseSignal, {
          by: STOP_LOSS,
          reason,
          admittedAt,
        });
        told.catch(() => undefined);
      },
      canaryOver: () => void toBatch()?.signal(canaryOverSignal).catch(ended),
      change: changed,
    },
  );
  setHandler(pauseSignal, (request) => lanes.setPaused(controlRequestOf(request).level ?? DEFAULT_LEVEL));
  setHandler(setAsideSignal, (job) => lanes.setAside(job));
  setHandler(resumeSignal, () => lanes.setPaused(undefined));
  setHandler(stopSignal, (trouble) => {
    lanes.stop(trouble);
    changed();
  });
  setHandler(tellEndsSignal, () => ends.ask());
  setHandler(setConcurrencySignal, (value) => void (lanes.concurrency = shareOf(value) ?? lanes.concurrency));

  void ends.run();
  const { tickets } = slice;
  lanes.add(typeof tickets === 'string' ? await openShard({ ...slice, tickets }) : tickets);
  await lanes.run();
  await condition(allHandlersFinished);
  const untold = await ends.rest();

  const summary: ShardSummary = {
    ...tally.counts,
    waiting: lanes.waiting,
    ...(lanes.inFlightCount > 0 && { aside: lanes.inFlightCount }),
    unfinished: tally.unfinished(NAMED_MAX),
    spentMicros: tally.spentMicros,
    ...(tally.costUnknown > 0 && { costUnknown: tally.costUnknown }),
    ...(lanes.stoppedBy && { stoppedBy: lanes.stoppedBy }),
    ...(untold.length > 0 && { ends: untold }),
  };
  if (tally.finished === slice.count) return summary;
  const left = slice.count - tally.finished;
  throw ApplicationFailure.nonRetryable(
    `${left} of ${slice.count} jobs unfinished`,
    FAILURE.shardIncomplete,
    summary,
  );

  function changed(): void {
    showDetails();
    if (!isAside && lanes.isAside) tellAside({ shard: slice.index });
    else if (isAside && lanes.hasNext) tellAside({ shard: slice.index, back: true });
  }

  /** Its jobs may come back one by one meanwhile, to send what was approved: that is told to nobody. */
  function tellAside(how: ShardAside): void {
    isAside = how.back !== true;
    toBatch()?.signal(shardAsideSignal, how).catch(ended);
  }

  function toBatch(): ExternalWorkflowHandle | undefined {
    const { parent } = workflowInfo();
    return parent && getExternalWorkflowHandle(parent.workflowId, parent.runId);
  }

  function showDetails(): void {
    const progress = {
      ...tally.counts,
      inFlight: lanes.inFlightCount,
      waiting: lanes.waiting,
      reason: undefined,
    };
    const state = lanes.isPaused ? 'paused' : 'running';
    setCurrentDetails(currentDetails(batch, { progress, state, tally, lanes }));
  }
}
