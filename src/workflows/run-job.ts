import { ChildWorkflowFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { getExternalWorkflowHandle, isCancellation, startChild, workflowInfo } from '@temporalio/workflow';
import type { JobOutcome } from '../contract/job-outcome.js';
import {
  WORKFLOW_TASK_TIMEOUT_MS,
  type BatchInput,
  type JobInput,
  type Ticket,
} from '../contract/messages.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import { waitActivities } from './activity-options.js';
import { jobAttributes } from './attributes.js';
import { job } from './job.js';
import { outcomeOf } from './job-failure.js';
import { joinedSignal, pauseSignal, resumeSignal, type laneSignal } from './messages.js';
import { waitQueue } from './queues.js';

/** A job under way; messages may be sent to it. */
export interface StartedJob {
  signal(signal: typeof pauseSignal | typeof laneSignal): Promise<void>;
}

/** What whoever runs a job is told. */
interface RunTold {
  /** @param isJoined another batch has started it */
  started(child: StartedJob, isJoined: boolean): void;
  /** It was joined, and is begun anew here: where it waited, it does no more. */
  joinedHasEnded(): void;
}

/**
 * Starts a job, or joins it where another batch runs it already, and tells how it ended. Rejects only when this
 * Workflow is cancelled.
 * @param batchId of the batch, also where a shard starts the job
 */
export async function runJob(
  batch: BatchInput,
  batchId: string,
  ticket: Ticket,
  paused: boolean,
  told: RunTold,
): Promise<JobOutcome> {
  const { taskQueue } = workflowInfo();
  const { awaitJob } = waitActivities(batch.timing, waitQueue(taskQueue));
  const workflowId = jobWorkflowId({ work: batch.work, jobKey: ticket.key });
  const input: JobInput = {
    work: batch.work,
    batchId,
    manifest: batch.manifest,
    ticket,
    effects: batch.effects,
    timing: batch.timing,
    paused,
    ...(batch.stateAttributes !== undefined && { stateAttributes: batch.stateAttributes }),
    ...(batch.currency !== undefined && { currency: batch.currency }),
  };
  // A job done before and now to be changed has a Completed run, which is no reason to refuse this one.
  let again = ticket.again;
  for (;;) {
    try {
      const child = await startChild(job, {
        workflowId,
        workflowTaskTimeout: WORKFLOW_TASK_TIMEOUT_MS,
        args: [input],
        workflowIdReusePolicy: again ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
        // Another batch may wait for this job: it outlives a batch that is terminated.
        parentClosePolicy: 'ABANDON',
        staticSummary: ticket.title,
        ...(batch.searchAttributes && { typedSearchAttributes: jobAttributes(batch, ticket) }),
      });
      told.started(child, false);
      return await child.result();
    } catch (error) {
      if (error instanceof ChildWorkflowFailure && !isCancellation(error)) return outcomeOf(error);
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const joined = joinedJob(workflowId);
    told.started(joined, true);
    await joined.signal(resumeSignal);
    await tellOfJoining(workflowId);
    const other = await awaitJob.executeWithOptions({ summary: `wait for ${ticket.title}` }, [workflowId]);
    if (other.kind === 'completed') {
      const { outcome } = other;
      const finished = outcome.state === 'done' || outcome.state === 'adopted';
      if (finished && covers(outcome, ticket)) return { ...outcome, state: 'adopted' };
    }
    told.joinedHasEnded();
    // It is closed, and the ledger said that there is work left: start it here. Whatever it has done meanwhile is
    // found in the ledger by the job's own first step.
    again = true;
  }
}

/**
 * A job that another batch started, or an earlier run of this one that was terminated: then nobody is left who would
 * tell it of a resume. It asks the ledger before it goes on, so it stays paused where its own batch is. To pause it is
 * its own batch's business.
 */
function joinedJob(workflowId: string): StartedJob {
  const handle = getExternalWorkflowHandle(workflowId);
  return {
    async signal(signal) {
      if (signal.name === pauseSignal.name) return;
      await handle.signal(signal).catch(() => undefined); // it has ended meanwhile
    },
  };
}

/** So that the job says here too when it waits for a person. */
async function tellOfJoining(jobWorkflowId: string): Promise<void> {
  const { workflowId, runId } = workflowInfo();
  const handle = getExternalWorkflowHandle(jobWorkflowId);
  await handle.signal(joinedSignal, { workflowId, runId }).catch(() => undefined); // it has ended meanwhile
}

/** Another batch may have done the job for other effects than ours. */
const covers = (outcome: Extract<JobOutcome, { effectKeys: readonly string[] }>, ticket: Ticket): boolean =>
  outcome.fingerprint === ticket.fingerprint &&
  outcome.revision >= ticket.revision &&
  ticket.effectKeys.every((key) => outcome.effectKeys.includes(key));
