// Whole batches at a hosted agent service that says no, goes away, or is not let in: the built command line and an agent
// server. What counts is what the service saw.
import { join } from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openEngine, type Engine } from '../../src/engine/index.js';
import type { RunReport } from '../../src/contract/result.js';
import { startAgentServer, type AgentServer, type AgentServerOptions } from '../../src/testing/index.js';
import { cli, standsStill, startCli, until, type RunningCli } from '../support/cli.js';
import { pass, startImpatientWorker } from '../support/lanes.js';
import { slugsOf, tempDir, writeHostedBatch, type TestBatch } from '../support/batch.js';
import { startReceiver, type Receiver } from '../support/servers/receiver.js';

const KEYS = { GEMINI_API_KEY: 'test-key', ANTHROPIC_API_KEY: 'test-key' };
const PROVIDERS = ['antigravity', 'claude'] as const;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Service time per real time: sessions of minutes take about a second. */
const SPEED = 300;
const JOBS = 8;
const LANES = 5;

const dir = tempDir('nightshift-managed-');
const state = join(dir, 'state');

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine({ stateDir: state });
});
afterAll(() => engine.release());

interface Service {
  readonly server: AgentServer;
  /** The service as it was, at the same address, after whatever happened to it. */
  again(faults?: AgentServerOptions['faults']): Promise<void>;
  /** Options of the provider. */
  readonly options: Readonly<Record<string, unknown>>;
}

async function aService(provider: (typeof PROVIDERS)[number], name: string): Promise<Service> {
  const kept = { seed: 11, speed: SPEED, file: join(dir, `${name}.db`) };
  let server = await startAgentServer(kept);
  onTestFinished(() => server.close());
  const port = Number(new URL(server.url).port);
  const common = { pollInterval: '200ms', unknownStartWait: '3s' };
  const settle = { listSettle: '100ms', kickoffSettle: '100ms', filesSettle: '500ms' };
  let options: Readonly<Record<string, unknown>> = { ...common, baseUrl: server.geminiUrl };
  if (provider === 'claude') {
    const api = new Anthropic({ apiKey: 'test-key', baseURL: server.anthropicUrl, maxRetries: 0 });
    const agent = await api.beta.agents.create({ name: 'writer', model: 'claude-sonnet-5-5' });
    const environment = await api.beta.environments.create({ name: 'cloud' });
    options = {
      ...common,
      ...settle,
      baseUrl: server.anthropicUrl,
      agent: agent.id,
      environment: environment.id,
    };
  }
  return {
    get server() {
      return server;
    },
    options,
    again: async (faults) => {
      server = await startAgentServer({ ...kept, port, ...(faults && { faults }) });
    },
  };
}

const aBatch = (name: string, provider: string, options: object, alerts?: string): TestBatch =>
  writeHostedBatch(
    provider,
    { dir: join(dir, name), name, slugs: slugsOf(JOBS) },
    { options, concurrency: LANES, ...(alerts !== undefined && { alerts }) },
  );

const call = (batch: TestBatch, ...args: string[]) =>
  cli([...args, '--state', state], { cwd: batch.dir, env: KEYS });

async function aWorker(): Promise<RunningCli> {
  const worker = await startImpatientWorker(state, { cwd: dir, env: KEYS });
  onTestFinished(() => void worker.process.kill('SIGKILL'));
  return worker;
}

async function laneOf(batch: TestBatch, { server }: Service) {
  const { stdout, code } = await call(batch, 'lanes', '--json');
  const { lanes } = JSON.parse(stdout) as { lanes: { label: string; state: string; until?: string }[] };
  return { code, ...lanes.find(({ label }) => label.includes(new URL(server.url).host)) };
}

/** All of it was done, once, and nothing was paid for in vain. */
async function isWhole(batch: TestBatch, { server }: Service): Promise<RunReport> {
  const ended = await call(batch, 'watch', batch.dir.split('/').at(-1) ?? '', '--json');
  expect(ended.code, ended.stderr).toBe(0);
  const report = JSON.parse(ended.stdout) as RunReport;
  expect(report.counts).toMatchObject({ done: JOBS, parked: 0, held: 0 });
  expect(batch.published()).toHaveLength(JOBS);
  // A session that was made ready as its service went away is idle and free, and nobody could be asked to archive it.
  await call(batch, 'doctor', batch.file, '--orphans', '--end');
  const { runs, totals } = server.ledger();
  expect(totals).toMatchObject({ paidTurns: JOBS, open: 0 });
  expect(runs.every((run) => run.paidTurns <= 1)).toBe(true);
  return report;
}

const toldOf = ({ got }: Receiver): string[] =>
  got.map(({ body }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: { rule: string } };
    return `${type.split('.').at(-1)} ${data.rule}`;
  });

describe.each(PROVIDERS)('%s', (provider) => {
  test('a quota that is used up for two hours: no call until then, one alert, and then the rest', async () => {
    const service = await aService(provider, `${provider}-quota`);
    const receiver = await startReceiver();
    onTestFinished(() => receiver.stop());
    const name = `${provider}-quota`;
    const alerts = `[{ use: webhook, url: "${receiver.url}" }]`;
    const batch = aBatch(name, provider, service.options, alerts);
    const begun = await call(batch, 'run', batch.file, '--detach');
    expect(begun.code, begun.stderr).toBe(0);
    const first = await aWorker();
    // A session takes a second; the lanes are full, and three starts are still to come.
    await until('the lanes are full', () => service.server.ledger().totals.runs >= LANES);

    // The next start is told to come back in two hours, and so is everybody who would ask after it.
    service.server.addFault({
      match: { call: provider === 'claude' ? 'events.send' : 'interactions.create' },
      do: 'throttle',
      with: { form: 'seconds', seconds: 2 * 3600 * SPEED },
      times: 1,
    });
    await until('the lane is closed', async () => (await laneOf(batch, service)).state === 'closed');
    const { until: reset = '' } = await laneOf(batch, service);
    expect(Date.parse(reset) - Date.now()).toBeGreaterThan(1.9 * HOUR_MS);

    // What was on its way has ended; then the service hears nothing, of a worker that is killed or of the next one.
    await standsStill('the service is left alone', () => service.server.requests().length);
    const calls = service.server.requests().length;
    await until('somebody was told', () => receiver.got.length > 0);
    first.process.kill('SIGKILL');
    await first.exit;
    await aWorker();
    await pass(state, 1.5 * HOUR_MS);
    await new Promise((resolve) => setTimeout(resolve, 3000)); // jobs ask six times in that time whether they may
    expect(service.server.requests()).toHaveLength(calls);
    expect(batch.published().length).toBeLessThan(JOBS);

    await pass(state, 0.6 * HOUR_MS);
    const report = await isWhole(batch, service);
    expect(report.sessions.wasted).toBe(0);
    expect(toldOf(receiver).filter((what) => what.startsWith('opened'))).toEqual(['opened quota']);
  }, 180_000);

  // Slots are given out seconds ahead: those of twenty jobs are all taken when the service says no.
  test('within a declared limit: of twenty jobs nobody calls any more once one was told to come back in two hours', async () => {
    const name = `${provider}-ahead`;
    const { server, options } = await aService(provider, name);
    const slugs = slugsOf(20);
    const given = { dir: join(dir, name), name, slugs };
    const batch = writeHostedBatch(provider, given, {
      options,
      concurrency: slugs.length,
      limits: { requestsPerSecond: 5 },
    });
    const paidCall = provider === 'claude' ? 'events.send' : 'interactions.create';
    await Promise.all([aWorker(), aWorker()]);
    expect((await call(batch, 'run', batch.file, '--detach')).code).toBe(0);
    await until('some are started', () => server.ledger().totals.paidTurns >= 3);
    server.addFault({
      match: { call: paidCall },
      do: 'throttle',
      with: { form: 'seconds', seconds: 2 * 3600 * SPEED },
      times: 1,
    });
    const isRefusal = ({ status }: { readonly status: number }) => status === 429;
    await until('one is told to wait', () => server.requests().some(isRefusal));
    await new Promise((resolve) => setTimeout(resolve, 9000)); // as far ahead as slots are given out
    const calls = server.requests();
    const after = calls.slice(calls.findIndex(isRefusal) + 1);
    // What was on its way, and what the other worker was about to look at; each slot that was given out would be dozens.
    expect(after.length, JSON.stringify(after.map((one) => one.call))).toBeLessThanOrEqual(4);
    expect(after.filter((one) => one.call === paidCall).length).toBeLessThanOrEqual(1);
    expect((await call(batch, 'cancel', name)).code).toBe(0);
  }, 180_000);

  test('a session that gets nowhere for longer than `quiet` is cancelled, and another one does its job', async () => {
    const name = `${provider}-still`;
    const { server, options } = await aService(provider, name);
    const given = { dir: join(dir, name), name, slugs: slugsOf(2) };
    const batch = writeHostedBatch(provider, given, { options, concurrency: 2, quiet: '6s' });
    const call_ = provider === 'claude' ? 'events.send' : 'interactions.create';
    server.addFault({ match: { call: call_ }, do: 'timeout-mid-run', times: 1 });
    const ended = await call(batch, 'run', batch.file, '--json');
    expect(ended.code, ended.stderr).toBe(0);
    const report = JSON.parse(ended.stdout) as RunReport;
    expect(report.counts).toMatchObject({ done: 2 });
    expect(report.sessions).toMatchObject({ started: 3, wasted: 1 });
    expect(server.ledger().totals).toMatchObject({ paidTurns: 3, open: 0 });
  }, 180_000);

  test.each([
    ['by the worker that watches them', true],
    ['by the next worker, where theirs was killed', false],
  ])(
    'sessions of a cancelled batch are ended and leave nothing at the service: %s',
    async (_how, lives) => {
      const name = `${provider}-cancelled-${lives}`;
      const { server, options } = await aService(provider, name);
      server.addFault({
        match: { call: provider === 'claude' ? 'events.send' : 'interactions.create' },
        do: 'timeout-mid-run',
      });
      const batch = aBatch(name, provider, options);
      expect((await call(batch, 'run', batch.file, '--detach')).code).toBe(0);
      const worker = await aWorker();
      await until('sessions run', () => server.ledger().totals.open >= 3);
      if (!lives) {
        worker.process.kill('SIGKILL');
        await worker.exit;
        await aWorker();
      }
      expect((await call(batch, 'cancel', name)).code).toBe(0);
      await call(batch, 'watch', name);
      expect(server.ledger().totals.open).toBe(0);
      const found = await call(batch, 'doctor', batch.file, '--orphans');
      expect(found.code, found.stdout).toBe(0);
    },
    180_000,
  );
});

test('twenty sessions that are cancelled at once are all ended, and within the limit of their service', async () => {
  const [name, limit] = ['cancelled-in-turn', 10];
  const slugs = slugsOf(20);
  const { server, options } = await aService('antigravity', name);
  server.addFault({ match: { call: 'interactions.create' }, do: 'timeout-mid-run' });
  const given = { dir: join(dir, name), name, slugs };
  const batch = writeHostedBatch('antigravity', given, {
    options: { ...options, pollInterval: '5s' },
    concurrency: slugs.length,
    limits: { requestsPerSecond: limit },
  });
  expect((await call(batch, 'run', batch.file, '--detach')).code).toBe(0);
  await aWorker();
  await until('all sessions run', () => server.ledger().totals.open === slugs.length);
  const before = server.requests().length;
  const cancelled = await call(batch, 'cancel', name);
  expect(cancelled.code, cancelled.stdout).toBe(0); // none may run on
  expect(server.ledger().totals.open).toBe(0);
  const times = server
    .requests()
    .slice(before)
    .map(({ at }) => at / SPEED);
  expect(times.length).toBeGreaterThanOrEqual(5 * slugs.length);
  const inSecondFrom = (from: number) => times.filter((at) => at >= from && at < from + 1000).length;
  expect(Math.max(...times.map(inSecondFrom))).toBeLessThanOrEqual(limit);
  const found = await call(batch, 'doctor', batch.file, '--orphans');
  expect(found.code, found.stdout).toBe(0);
}, 180_000);

// What jobs do meanwhile is the same for every provider: one whose service is left in mid-session, and one that asks its
// service more before it starts anything.
test('a service that is away for twenty minutes in mid-batch: later, whole, nothing parked', async () => {
  const service = await aService('antigravity', 'away');
  const batch = aBatch('away', 'antigravity', service.options);
  const begun = await call(batch, 'run', batch.file, '--detach');
  expect(begun.code, begun.stderr).toBe(0);
  await aWorker();
  await until('some jobs are done', () => batch.published().length >= 2);

  await service.server.close();
  await comesBack(batch, service);
}, 180_000);

test('a service that is away when the night begins: later, whole, nothing parked', async () => {
  const service = await aService('claude', 'away-at-first');
  const batch = aBatch('away-at-first', 'claude', service.options);
  await service.server.close();
  const begun = await call(batch, 'run', batch.file, '--detach');
  expect(begun.code, begun.stderr).toBe(0);
  await aWorker();
  await comesBack(batch, service);
}, 180_000);

/** Twenty minutes without its service, and then the rest. */
async function comesBack(batch: TestBatch, service: Service): Promise<void> {
  await until('the lane is closed', async () => (await laneOf(batch, service)).state === 'closed');
  for (let minute = 0; minute < 20; minute++) {
    await pass(state, MINUTE_MS);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(batch.published().length).toBeLessThan(JOBS);
  await service.again();
  const done = isWhole(batch, service);
  await until('the batch is over', async () => {
    await pass(state, MINUTE_MS);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return batch.published().length === JOBS;
  });
  await done;
}

describe('a configured engine', () => {
  const remote = () => ({ TEMPORAL_ADDRESS: engine.address, NIGHTSHIFT_STATE: join(dir, 'remote') });

  test('a missing key is said before any job begins, by this host or by the worker that lacks it', async () => {
    const service = await aService('antigravity', 'remote');
    const batch = aBatch('remote', 'antigravity', service.options);
    const with_ = (env: Record<string, string>) => ({
      cwd: batch.dir,
      env: { GEMINI_API_KEY: '', ...remote(), NIGHTSHIFT_TASK_QUEUE: 'remote', ...env },
    });
    const sessions = () => service.server.requests().length;

    // Nobody works there yet: this process would have to.
    const alone = await cli(['run', batch.file], with_({}));
    expect(alone.code, alone.stderr).toBe(78);
    expect(alone.stderr).toContain('nothing was started');
    expect(alone.stderr).toContain('GEMINI_API_KEY');

    // Somebody does, and lacks it as well.
    const lacking = startCli(['worker'], with_({}));
    onTestFinished(() => void lacking.process.kill('SIGKILL'));
    await until('it takes work', async () => (await cli(['worker', '--check'], with_({}))).code === 0);
    const told = await cli(['run', batch.file], with_({}));
    expect(told.code, told.stderr).toBe(78);
    expect(told.stderr).toMatch(/the worker \S+ can’t run this batch, and no job was begun.*GEMINI_API_KEY/);
    const status = await cli(['status', 'remote', '--json'], with_({}));
    expect(JSON.parse(status.stdout)).toMatchObject({ counts: { done: 0, parked: 0, held: 0, gated: 0 } });
    expect(sessions()).toBe(0);
    lacking.process.kill('SIGTERM');
    await lacking.exit;

    // One that has it; who starts the batch need not.
    const good = startCli(['worker'], with_(KEYS));
    onTestFinished(() => void good.process.kill('SIGKILL'));
    await until('it takes work', async () => (await cli(['worker', '--check'], with_({}))).code === 0);
    const done = await cli(['run', batch.file, '--json'], with_({}));
    expect(done.code, done.stderr).toBe(0);
    expect(done.stderr).toContain('whether its workers can');
    expect((JSON.parse(done.stdout) as RunReport).counts).toMatchObject({ done: JOBS });
    good.process.kill('SIGTERM');
    await good.exit;
  }, 180_000);
});
