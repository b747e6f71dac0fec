// When the span of a job leaves: once for each run of it, at its end.
import { expect, onTestFinished, test } from 'vitest';
import type { JobStory } from '../../src/ledger/story.js';
import { openSpans } from '../../src/telemetry/spans.js';
import type { EndedStep } from '../../src/telemetry/step-interceptor.js';
import { startCollector } from '../support/collector.js';

type Stage = readonly [step: string, outcome: string, now: Pick<JobStory, 'state' | 'errorClass'>];

const NONE = undefined;
const approvalWait: Stage = ['publish', 'approval', { state: 'gated', errorClass: NONE }];
const refusedKey: Stage = ['publish', 'gated', { state: 'gated', errorClass: 'auth' }];
const landed: Stage = ['publish', 'landed', { state: 'done', errorClass: NONE }];

const stepOf = (step: string, outcome: string, runId: string): EndedStep => ({
  step,
  beganMs: 1,
  endedMs: 2,
  outcome,
  failed: false,
  why: undefined,
  facts: {
    'nightshift.batch_id': 'batch:nightly:1',
    'nightshift.batch': 'nightly',
    'nightshift.work': 'article',
    'nightshift.job_key': 'k',
    'nightshift.run_id': runId,
  },
});

/** @returns names of the spans of the job that were sent while it went through these */
async function jobSpansOf(stages: readonly Stage[], runOf = (_at: number) => 'run-1'): Promise<string[]> {
  const collector = await startCollector();
  const before = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.url;
  onTestFinished(() => {
    if (before === undefined) delete process.env['OTEL_EXPORTER_OTLP_ENDPOINT'];
    else process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = before;
    collector.close();
  });
  const stories = stages.map(
    ([, , now]) => ({ identity: { slug: 'rye' }, tries: [], ...now }) as unknown as JobStory,
  );
  const spans = openSpans('worker', {
    batch: () => Promise.resolve(undefined),
    story: () => Promise.resolve(stories.shift()),
  });
  for (const [at, [step, outcome]] of stages.entries()) spans.ended(stepOf(step, outcome, runOf(at)));
  await spans.close();
  const sent = collector.spans.filter(({ name }) => name === 'job rye');
  expect(new Set(sent.map(({ spanId }) => spanId)).size).toBe(sent.length);
  return sent.map(({ attributes }) => String(attributes['nightshift.state']));
}

test('a job that waits for a person, however long, has one span: when its effect has landed', async () => {
  expect(await jobSpansOf([approvalWait, approvalWait, approvalWait, landed])).toEqual(['done']);
});

test('an effect that lands beside one that waits for a person ends nothing', async () => {
  const beside: Stage = ['publish', 'landed', { state: 'gated', errorClass: NONE }];
  expect(await jobSpansOf([approvalWait, beside])).toEqual([]);
});

test.each(['wait', 'paused'])(
  'a step that has to %s ends nothing, whatever the job was before',
  async (outcome) => {
    expect(await jobSpansOf([['runAgent', outcome, { state: 'parked', errorClass: 'timeout' }]])).toEqual([]);
  },
);

test('a run that ends because a key is refused has its span, and the run after it another', async () => {
  expect(await jobSpansOf([refusedKey, landed], (at) => `run-${at}`)).toEqual(['gated', 'done']);
});
