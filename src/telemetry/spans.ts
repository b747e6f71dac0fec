import { randomBytes } from 'node:crypto';
import {
  ROOT_CONTEXT,
  SpanStatusCode,
  TraceFlags,
  trace,
  type Attributes,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type IdGenerator } from '@opentelemetry/sdk-trace-base';
import { batchSpanIdOf, jobSpanIdOf, traceIdOf } from '../identity/trace-ids.js';
import type { Ledger } from '../ledger/ledger.js';
import type { JobStory } from '../ledger/story.js';
import type { EndedStep } from './step-interceptor.js';

/** Job states in which nothing of it goes on by itself; `gated` is also said of a job that waits for an approval. */
const ENDED: ReadonlySet<string> = new Set(['done', 'adopted', 'parked', 'held', 'gated', 'cancelled']);

/** Steps that come again in the same run of the job. */
const WAITS: ReadonlySet<string> = new Set(['approval', 'paused', 'wait']);

export interface Spans {
  ended(step: EndedStep): void;
  /** Sends what is left. Never fails: a collector that is away is no trouble of a batch. */
  close(): Promise<void>;
}

/**
 * One trace for each batch, over all its runs, retries and resumes: ids of the trace, of the batch and of its jobs are
 * made from their keys, so whichever process tells of them, tells of the same. Spans are made by Activities alone,
 * never by Workflow code: a replay makes none.
 *
 *     batch > job > step (agent session, or effect)
 *
 * Where to send, and how, is read from the standard OTEL_… variables.
 */
export function openSpans(worker: string, ledger: Pick<Ledger, 'story' | 'batch'>): Spans {
  const ids = new KeyedIds();
  const resource = new Resource({
    'service.name': process.env['OTEL_SERVICE_NAME'] ?? 'nightshift',
    'service.instance.id': worker,
  });
  const provider = new BasicTracerProvider({
    resource,
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('nightshift');
  const pending = new Set<Promise<unknown>>();

  return {
    ended(step) {
      const telling = tellStep(step, tracer, ids, ledger).catch(() => undefined);
      pending.add(telling);
      void telling.finally(() => pending.delete(telling));
    },
    async close() {
      await Promise.allSettled(pending);
      await provider.shutdown().catch(() => undefined);
    },
  };
}

async function tellStep(
  step: EndedStep,
  tracer: Tracer,
  ids: KeyedIds,
  ledger: Pick<Ledger, 'story' | 'batch'>,
) {
  const { facts } = step;
  const text = (name: string): string => String(facts[`nightshift.${name}`] ?? '');
  const [batchId, work, jobKey, runId] = [text('batch_id'), text('work'), text('job_key'), text('run_id')];
  const traceId = traceIdOf(batchId);
  const jobSpan = jobSpanIdOf({ batchId, work, jobKey, runId });
  const batch = await ledger.batch(batchId);
  const batchSpan = batchSpanIdOf(batchId, batch?.runId);
  if (step.step === 'closeBatch') {
    span(tracer, ids, {
      name: `batch ${text('batch')}`,
      traceId,
      spanId: batchSpan,
      began: batch ? Date.parse(batch.openedAt) : step.beganMs,
      ended: step.endedMs,
      attributes: { ...facts, 'nightshift.state': batch?.state ?? '' },
      ...(batch?.state === 'incomplete' && { failed: batch.reason ?? 'some jobs are not finished' }),
    });
    return;
  }
  span(tracer, ids, {
    name: step.step === 'runAgent' ? 'agent session' : `effect ${text('effect')}`,
    traceId,
    parent: jobSpan,
    began: step.beganMs,
    ended: step.endedMs,
    attributes: { ...facts, 'nightshift.outcome': step.outcome },
    ...(step.failed && { failed: step.why ?? step.outcome }),
  });

  const story = await ledger.story({ work, jobKey });
  if (!story || step.step === 'unpublish' || !isOver(step, story)) return;
  const first = story.tries.find((each) => each.runId === runId);
  span(tracer, ids, {
    name: `job ${Object.values(story.identity).join(' / ')}`,
    traceId,
    spanId: jobSpan,
    parent: batchSpan,
    began: first ? Date.parse(first.startedAt) : step.beganMs,
    ended: step.endedMs,
    attributes: {
      'nightshift.batch': text('batch'),
      'nightshift.batch_id': batchId,
      'nightshift.work': work,
      'nightshift.job_key': jobKey,
      'nightshift.run_id': runId,
      'nightshift.state': story.state,
    },
    ...(story.errorClass !== undefined && { failed: `${story.errorClass}: ${story.errorMessage ?? ''}` }),
  });
}

/** A span that was sent can't be taken back, so that of a job leaves once a run. */
const isOver = ({ outcome }: EndedStep, { state, errorClass }: JobStory): boolean =>
  ENDED.has(state) && !WAITS.has(outcome) && !(state === 'gated' && errorClass === undefined);

interface Told {
  readonly name: string;
  readonly traceId: string;
  readonly spanId?: string;
  /** Undefined: the root of its trace. */
  readonly parent?: string;
  readonly began: number;
  readonly ended: number;
  readonly attributes: Attributes;
  /** Why, where it failed. */
  readonly failed?: string;
}

function span(tracer: Tracer, ids: KeyedIds, told: Told): void {
  ids.next = told.spanId;
  ids.nextTrace = told.traceId;
  const parent: SpanContext | undefined =
    told.parent === undefined
      ? undefined
      : {
          traceId: told.traceId,
          spanId: told.parent,
          traceFlags: TraceFlags.SAMPLED,
          isRemote: true,
        };
  const made = tracer.startSpan(
    told.name,
    { startTime: told.began, attributes: told.attributes },
    parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
  );
  if (told.failed !== undefined) made.setStatus({ code: SpanStatusCode.ERROR, message: told.failed });
  made.end(told.ended);
}

/** Random ids, but for a span that is to have the id made from its key. */
class KeyedIds implements IdGenerator {
  next: string | undefined;
  nextTrace: string | undefined;

  generateTraceId(): string {
    const id = this.nextTrace ?? randomBytes(16).toString('hex');
    this.nextTrace = undefined;
    return id;
  }

  generateSpanId(): string {
    const id = this.next ?? randomBytes(8).toString('hex');
    this.next = undefined;
    return id;
  }
}
