// What a worker tells of itself: spans to a collector, metrics to Prometheus, and a structured log. One batch, run twice.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobTrace } from '../../src/client/trace/trace-job.js';
import { writeBatch } from '../support/batch.js';
import { cli, startCli, until, type RunningCli } from '../support/cli.js';
import { startCollector, type Collector } from '../support/collector.js';
import { withEngine } from '../support/engine.js';

const batch = writeBatch({
  slugs: ['rye', 'flaky', 'broken'],
  before:
    'echo "$slug $TRACEPARENT" >> parents.log; ' +
    'if [ "$slug" = flaky ] && [ "$NIGHTSHIFT_ATTEMPT" = 1 ]; then exit 75; fi; [ "$slug" != broken ] || [ -e mended ] || exit 1',
});
let collector: Collector;
let up: RunningCli;
let metrics: string;
let log = '';
/** Story of the job that was mended, told while the engine runs. */
let story: JobTrace;

beforeAll(async () => {
  collector = await startCollector();
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const metricsAddress = `127.0.0.1:${(probe.address() as AddressInfo).port}`;
  await new Promise((resolve) => probe.close(resolve));
  up = startCli(['up', '--state', batch.state, '--json'], {
    cwd: batch.dir,
    env: {
      NIGHTSHIFT_METRICS: metricsAddress,
      NIGHTSHIFT_LOG: 'json',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    },
  });
  let said = '';
  up.process.stdout?.on('data', (text: string) => (said += text));
  up.process.stderr?.on('data', (text: string) => (log += text));
  await until('the worker is up', () => said.includes('}'), 120_000);
  await cli(['run', batch.file, '--state', batch.state], { cwd: batch.dir });
  writeFileSync(join(batch.dir, 'mended'), '');
  await cli(['retry', 'nightly', '--state', batch.state], { cwd: batch.dir });
  const told = await cli(['trace', 'slug=broken', '--json', '--state', batch.state], { cwd: batch.dir });
  story = JSON.parse(told.stdout) as JobTrace;
  // A Workflow that can't go on, and polls that come to nothing: those take a minute.
  await withEngine(batch.state, (client) =>
    client.workflow.start('of-another-release', { taskQueue: 'nightshift', workflowId: 'unknown' }),
  );
  await until('the worker has told of everything', async () => {
    metrics = await (await fetch(`http://${metricsAddress}/metrics`)).text();
    return /poll_empty_total/.test(metrics) && /workflow_task_execution_failed_total/.test(metrics);
  });
  up.process.kill('SIGTERM');
  await up.exit; // sends what is left
}, 300_000);

afterAll(() => void collector?.close());

test('one trace holds the batch over both runs: batch, job, session, effect', () => {
  const { spans } = collector;
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const runs = spans.filter(({ name }) => name === 'batch nightly');
  expect(runs).toHaveLength(2);
  const job = spans.find(({ name }) => name.endsWith(' / rye'));
  expect(runs.map(({ spanId }) => spanId)).toContain(job?.parentSpanId);
  const steps = spans.filter(({ parentSpanId }) => parentSpanId === job?.spanId);
  expect(steps.map(({ name }) => name).sort()).toEqual(['agent session', 'effect post']);
  expect(steps.find(({ name }) => name === 'effect post')?.attributes).toMatchObject({
    'nightshift.destination': 'folder',
    'nightshift.outcome': 'landed',
    'nightshift.attempt': '1',
  });
  const flaky = spans.find(({ name }) => name.endsWith(' / flaky'));
  const tries = spans.filter(
    ({ name, parentSpanId }) => name === 'agent session' && parentSpanId === flaky?.spanId,
  );
  expect(tries.map(({ failed, attributes }) => [failed, attributes['nightshift.attempt']])).toEqual([
    [true, '1'],
    [false, '2'],
  ]);
  expect(tries[1]?.attributes['nightshift.agent_id']).toMatch(/^[0-9a-f]{32}#2$/);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length); // none is told twice
});

test('a program hangs its own spans below those of its job, and trace names the trace', async () => {
  const job = collector.spans.find(({ name }) => name.endsWith(' / rye'));
  const parents = readFileSync(join(batch.dir, 'parents.log'), 'utf8').split('\n');
  expect(parents).toContain(`rye 00-${job?.traceId}-${job?.spanId}-01`);
  const told = await cli(['trace', 'slug=rye', '--json', '--state', batch.state], { cwd: batch.dir });
  expect(JSON.parse(told.stdout)).toMatchObject({ batches: [{ name: 'nightly', traceId: job?.traceId }] });
});

test('the story of a job holds what the engine knows of each of its runs', () => {
  expect(story.histories).toEqual({ read: 2, expired: 0 });
  const ofEngine = story.events.filter(({ source }) => source === 'engine').map(({ text }) => text);
  expect(ofEngine).toEqual([
    expect.stringMatching(/^run .* begins for nightly$/),
    'runAgent: try 3 begins, after rejected: sh failed (exit code 1)',
    expect.stringMatching(/^run ended: JobParked: /),
    expect.stringMatching(/^run .* begins for nightly$/),
    'run completed',
  ]);
});

test('each step is one line of JSON with batch, run, job and attempt', () => {
  const lines = log
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
  const ended = lines.filter(({ message }) => message === 'publish ended');
  expect(ended.length).toBeGreaterThanOrEqual(2);
  for (const line of ended) {
    expect(line).toMatchObject({ 'nightshift.batch': 'nightly', 'nightshift.attempt': 1, outcome: 'landed' });
    expect(line['nightshift.job_key']).toMatch(/^[0-9a-f]{32}$/);
    expect(line['nightshift.run_id']).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test.each(['grafana/nightshift.json', 'prometheus/nightshift.rules.yml'])(
  'docs/%s asks for no metric and no label that the worker does not have',
  (page) => {
    const text = readFileSync(fileURLToPath(new URL(`../../docs/${page}`, import.meta.url)), 'utf8')
      .replaceAll('\\"', '"') // in JSON
      .replaceAll(/\w+:(\w+):\w+/g, '$1_total'); // what a rule makes of it has its labels
    const asked = new Set(text.match(/\b(?:nightshift|temporal)_[a-z_]+/g));
    expect(asked.size).toBeGreaterThan(4);
    for (const name of asked) expect(metrics, name).toMatch(new RegExp(`^${name}(\\{| )`, 'm'));
    for (const [, name = '', given = ''] of text.matchAll(/\b((?:nightshift|temporal)_[a-z_]+)\{([^}]*)\}/g))
      for (const [, label = ''] of given.matchAll(/(\w+)(?:=~|!~|=)"/g))
        if (label !== 'job')
          expect(metrics, `${name} ${label}`).toMatch(new RegExp(`^${name}\\{.*\\b${label}="`, 'm'));
  },
);
