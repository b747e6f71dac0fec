import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { batchNameOf } from '../../identity/workflow-ids.js';
import { cancelAskedBy, type CancelAsked, type HistoryEvent } from '../cancel-request.js';
import { timeOf } from '../event-time.js';
import type { TraceEvent } from './event.js';
import { duration } from '../../report/format.js';

type Failure = NonNullable<NonNullable<HistoryEvent['workflowExecutionFailedEventAttributes']>['failure']>;

/** What the engine's history of one run adds to the ledger: tries that failed, waits, signals, how it closed. Pure. */
export function engineEvents(runId: string, history: readonly HistoryEvent[]): TraceEvent[] {
  const activities = new Map<string, string>();
  const events: TraceEvent[] = [];
  const add = (event: HistoryEvent, told: Omit<TraceEvent, 'at' | 'source' | 'runId'>) =>
    void events.push({ at: timeOf(event.eventTime), source: 'engine', runId, ...told });

  for (const event of history) {
    const started = event.workflowExecutionStartedEventAttributes;
    if (started) {
      const parent = started.parentWorkflowExecution?.workflowId;
      const batch = batchNameOf(parent ?? '');
      add(event, {
        kind: 'run',
        text: `run ${runId} of the job begins${batch === undefined ? '' : ` for ${batch}`}`,
        tone: 'plain',
        ...(batch !== undefined && { batch }),
      });
    }
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) activities.set(String(event.eventId), scheduled.activityType?.name ?? 'step');

    const tried = event.activityTaskStartedEventAttributes;
    if (tried && (tried.attempt ?? 1) > 1) {
      const why = failureText(tried.lastFailure);
      add(event, {
        kind: 'try',
        text: `${activities.get(String(tried.scheduledEventId)) ?? 'step'}: try ${tried.attempt ?? 0} begins${why === undefined ? '' : `, after ${why}`}`,
        tone: 'bad',
        attempt: tried.attempt ?? 0,
        ...(tried.identity && { by: tried.identity }),
        facts: { ...(why !== undefined && { why }) },
      });
    }
    const completed = event.activityTaskCompletedEventAttributes;
    if (completed) {
      const end = notNowOf(completed.result?.payloads?.[0]);
      if (end !== undefined) add(event, { kind: 'wait', tone: 'plain', ...end });
    }
    const timedOut = event.activityTaskTimedOutEventAttributes;
    if (timedOut)
      add(event, {
        kind: 'try',
        text: `${activities.get(String(timedOut.scheduledEventId)) ?? 'step'} timed out: ${failureText(timedOut.failure) ?? 'no word from its worker'}`,
        tone: 'bad',
      });
    if (event.timerFiredEventAttributes)
      add(event, { kind: 'wait', text: 'the wait is over', tone: 'plain' });
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal) add(event, { kind: 'run', text: `told to ${signal.signalName ?? '?'}`, tone: 'plain' });
    const cancelled = cancelAskedBy(event);
    if (cancelled) add(event, { kind: 'run', tone: 'plain', ...cancelledText(cancelled) });
    const closed = closedText(event);
    if (closed !== undefined) add(event, { kind: 'run', ...closed });
  }
  return events;
}

function cancelledText({ by, reason, parentId }: CancelAsked): Pick<TraceEvent, 'text' | 'by' | 'facts'> {
  if (parentId !== undefined)
    return { text: `told to end: its batch ${batchNameOf(parentId) ?? parentId} was cancelled` };
  return {
    text: `told to end: cancelled by ${by}${reason === undefined ? '' : `, because "${reason}"`}`,
    by,
    ...(reason !== undefined && { facts: { reason } }),
  };
}

function closedText(event: HistoryEvent): Pick<TraceEvent, 'text' | 'tone'> | undefined {
  if (event.workflowExecutionCompletedEventAttributes) return { text: 'run completed', tone: 'good' };
  const failed = event.workflowExecutionFailedEventAttributes;
  if (failed) return { text: `run ended: ${failureText(failed.failure) ?? 'failed'}`, tone: 'bad' };
  if (event.workflowExecutionCanceledEventAttributes) return { text: 'run cancelled', tone: 'bad' };
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  if (terminated)
    return {
      text: `run terminated by ${terminated.identity ?? '?'}: ${terminated.reason ?? ''}`,
      tone: 'bad',
    };
  if (event.workflowExecutionTimedOutEventAttributes) return { text: 'run timed out', tone: 'bad' };
  return undefined;
}

/** The innermost failure says what happened; those around it only where. */
export function failureText(failure: Failure | null | undefined): string | undefined {
  let at = failure;
  while (at?.cause) at = at.cause;
  if (!at) return undefined;
  const type = at.applicationFailureInfo?.type;
  const message = at.message ?? '';
  return type && !message.startsWith(`${type}:`) ? `${type}: ${message}` : message;
}

/** A step that says "not now": why, and for how long. */
function notNowOf(payload: Payload | null | undefined): Pick<TraceEvent, 'text' | 'facts'> | undefined {
  if (!payload) return undefined;
  let value: unknown;
  try {
    value = defaultPayloadConverter.fromPayload(payload);
  } catch {
    return undefined; // encrypted by a codec that this process does not have
  }
  const { kind, delayMs, why } = (value ?? {}) as Record<string, unknown>;
  if (kind === 'paused') return { text: 'the batch is paused: nothing new starts' };
  if (kind !== 'wait' || typeof delayMs !== 'number' || typeof why !== 'string') return undefined;
  return { text: `waits ${duration(delayMs)}: ${why}`, facts: { delayMs, why } };
}
