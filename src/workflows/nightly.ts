import { ApplicationFailure, SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common';
import { proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import { FAILURE, type NightEnd, type NightlyInput, type UpstreamWait } from '../contract/messages.js';
import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { DAY_MS, MINUTE_MS } from '../contract/units.js';
import { batchNameOf } from '../identity/workflow-ids.js';
import { localTime } from '../policy/wall-clock.js';
import { plain, prose, workflowLink } from './markdown.js';
import { waitQueue } from './queues.js';

const SCHEDULED = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME);

const { startNight } = proxyActivities<Pick<Activities, 'startNight'>>({
  startToCloseTimeout: 10 * MINUTE_MS,
  heartbeatTimeout: MINUTE_MS,
  retry: { initialInterval: 1000, backoffCoefficient: 2, maximumInterval: MINUTE_MS },
});

/**
 * Turns a time that a schedule is due into a batch under its natural key, and ends. It lives longer only where a night
 * has to wait for another: by its overlap rule, for the schedule that it comes after, or as one of several that are
 * made up for in their order.
 */
export async function nightly(input: NightlyInput): Promise<readonly NightEnd[]> {
  const { awaitBatch, awaitUpstream } = proxyActivities<Pick<Activities, 'awaitBatch' | 'awaitUpstream'>>({
    taskQueue: waitQueue(workflowInfo().taskQueue),
    startToCloseTimeout: 7 * DAY_MS,
    heartbeatTimeout: MINUTE_MS,
    retry: { initialInterval: 1000, backoffCoefficient: 2, maximumInterval: MINUTE_MS },
  });
  const { schedule, by, overlap } = input;
  const asked = { ...(by !== undefined && { by }), ...(overlap !== undefined && { overlap }) };
  const ends: NightEnd[] = [];
  const nights = input.nights ?? [scheduledTime()];
  const dueText = (dueAt: string) => localTime(dueAt, schedule.timeZone);
  setCurrentDetails(`Reading the batch file of ${schedule.name}`);
  for (const [index, dueAt] of nights.entries()) {
    const isLast = index === nights.length - 1;
    const end = await carry(dueAt);
    ends.push(end);
    setCurrentDetails(ends.map((one) => endText(one, schedule)).join('\n\n'));
    if (!isLast && end.batchId !== undefined)
      await waitFor(end.batchId, `the run for the night due ${dueText(dueAt)}`, true);
  }
  const failed = ends.find(({ outcome }) => outcome === 'failed');
  if (failed) throw ApplicationFailure.nonRetryable(failed.why, FAILURE.nightNotStarted, ends);
  return ends;

  async function carry(dueAt: string): Promise<NightEnd> {
    let until: { readonly untilAt?: string } = {};
    for (let waits = 0; ; waits++) {
      const exact = input.nights !== undefined;
      const step = await startNight.executeWithOptions(
        { summary: `start the night of ${schedule.name}, due ${dueText(dueAt)}` },
        [{ schedule, dueAt, exact, waits, ...until, ...asked }],
      );
      if (step.kind === 'ended') return step.night;
      setCurrentDetails(prose(step.why, schedule.timeZone));
      if (step.kind === 'wait') {
        await waitFor(step.batchId, step.title ?? nameOf(step.batchId), step.orApprovalsLeft);
      } else {
        until = { untilAt: step.upstream.untilAt };
        await waitForUpstream(step.upstream);
      }
    }
  }

  async function waitFor(batchId: string, title: string, orApprovalsLeft = false): Promise<void> {
    const summary = `wait for the end of ${title}`;
    await awaitBatch.executeWithOptions({ summary }, [batchId, { orApprovalsLeft }]);
  }

  async function waitForUpstream(upstream: UpstreamWait): Promise<void> {
    const summary = `wait for ${upstream.schedule} of ${upstream.edition}`;
    await awaitUpstream.executeWithOptions({ summary }, [upstream]);
  }
}

/** The nominal time, before any delay; the present one for runs that no schedule started. */
const scheduledTime = (): string =>
  (workflowInfo().typedSearchAttributes.get(SCHEDULED) ?? workflowInfo().startTime).toISOString();

const nameOf = (batchId: string): string => batchNameOf(batchId) ?? batchId;

function endText({ edition, outcome, why, batchId }: NightEnd, { timeZone }: ScheduleDefinition): string {
  const said = `${plain(edition)}: ${outcome}. ${prose(why, timeZone)}`;
  if (batchId === undefined) return said;
  return `${said}. Batch: ${workflowLink(nameOf(batchId), workflowInfo().namespace, batchId)}`;
}
