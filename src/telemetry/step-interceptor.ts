import { log, metricMeter, type Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { messageOf } from '../contract/thrown.js';
import { batchNameOf } from '../identity/workflow-ids.js';
import { duringStep, type StepFacts } from './step.js';

/** One step of one job, as it ended. */
export interface EndedStep {
  /** Name of the Activity. */
  readonly step: string;
  readonly beganMs: number;
  readonly endedMs: number;
  /** `made`, `landed`, `adopted`, `parked`, `wait`…; an error class where it is to be tried again. */
  readonly outcome: string;
  readonly failed: boolean;
  readonly why: string | undefined;
  /** Batch, run, job, attempt, agent session, effect: names as in the docs. */
  readonly facts: StepFacts;
}

/** Steps that belong to a job; the first argument of each is its `JobRef`. */
const STEPS: ReadonlySet<string> = new Set(['runAgent', 'publish', 'unpublish']);
/** Ends a run of a batch; nothing else of it is a step of a job. */
const LAST = 'closeBatch';

/**
 * Tells of each step of a job when it ends: a line to the log, two metrics, and whoever else wants to know. A step that
 * is replayed is not run again, so nothing is told twice.
 */
export const stepInterceptor =
  (onEnd: (step: EndedStep) => void) =>
  (ctx: Context): { inbound: ActivityInboundCallsInterceptor } => ({
    inbound: {
      execute: async (input, next) => {
        const { activityType: step } = ctx.info;
        if (!STEPS.has(step) && step !== LAST) return next(input);
        const facts = factsOf(ctx, input.args[0]);
        const beganMs = Date.now();
        const ended = (outcome: string, failed: boolean, why?: string): void =>
          tell({ step, beganMs, endedMs: Date.now(), outcome, failed, why, facts }, onEnd);
        try {
          const end = await duringStep(facts, () => next(input));
          const { kind = 'done', message, why, errorClass } = (end ?? {}) as Partial<Record<string, string>>;
          if (errorClass !== undefined) facts['nightshift.error_class'] = errorClass;
          ended(kind, errorClass !== undefined, message ?? why);
          return end;
        } catch (error) {
          const errorClass = error instanceof ApplicationFailure ? (error.type ?? 'bug') : 'cancelled';
          facts['nightshift.error_class'] = errorClass;
          ended(errorClass, true, messageOf(error));
          throw error;
        }
      },
    },
  });

function tell(ended: EndedStep, onEnd: (step: EndedStep) => void): void {
  const { step, outcome, failed, why, beganMs, endedMs, facts } = ended;
  const labels = { step, outcome };
  metricMeter.createCounter('nightshift_steps', '', 'Steps of jobs that ended').add(1, labels);
  metricMeter
    .createHistogram('nightshift_step_duration', 'int', 'milliseconds', 'How long steps of jobs took')
    .record(endedMs - beganMs, labels);
  const line = { ...facts, outcome, durationMs: endedMs - beganMs, ...(why !== undefined && { why }) };
  if (failed) log.warn(`${step} ended`, line);
  else log.info(`${step} ended`, line);
  onEnd(ended);
}

function factsOf({ info }: Context, ref: unknown): Record<string, string | number> {
  const { batchId, work, key, effect } = (ref ?? {}) as Partial<Record<string, string>>;
  return {
    ...(batchId !== undefined && {
      'nightshift.batch_id': batchId,
      'nightshift.batch': batchNameOf(batchId) ?? '',
    }),
    ...(work !== undefined && { 'nightshift.work': work }),
    ...(key !== undefined && { 'nightshift.job_key': key }),
    ...(effect !== undefined && { 'nightshift.effect': effect }),
    'nightshift.run_id': info.workflowExecution?.runId ?? '',
    'nightshift.attempt': info.attempt,
  };
}
