// A worker dies by SIGKILL while hosted agents are at work for it, at each named point of the agent step; then the batch
// is simply started again. Sessions are counted at the service, which an agent server plays.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '../../src/activities/crash-points.js';
import type { RunReport } from '../../src/contract/result.js';
import type { RequestRow } from '../../src/ledger/ledger.js';
import { startAgentServer, type AgentServer, type AgentServerOptions } from '../../src/testing/index.js';
import { MISSED_SOON, cli, runJson, startCli, startNode, until } from '../support/cli.js';
import { tempDir, writeHostedBatch, type TestBatch } from '../support/batch.js';
import { NOT_OF_A_PROGRAM } from '../support/crash-points.js';

const FIXTURE = fileURLToPath(new URL('./fixtures/worker-that-dies.mjs', import.meta.url));
const PROVIDERS = ['antigravity', 'claude'] as const;
type Which = (typeof PROVIDERS)[number];

/** Before A2 nothing has reached the provider. At A3 nobody knows whether a start has. */
const POINTS = (Object.keys(CRASH_POINTS) as CrashPoint[]).filter(
  (point) => /^A(?![01]$)/.test(point) && !NOT_OF_A_PROGRAM.has(point),
);
/** Sessions take minutes of service time; so many of those pass in one real minute. */
const SPEED = 1500;

/** The service's delays in its own time. */
const SETTLE = { listSettle: '100ms', kickoffSettle: '100ms', filesSettle: '500ms' };
/** After so long a start that got no answer is given up: much sooner than by default. */
const GIVEN_UP = { unknownStartWait: '2s', requestTimeout: '10s' };
/** The call that costs money. */
const START = { antigravity: 'interactions.create', claude: 'events.send' } as const;

const dir = tempDir('nightshift-provider-points-');
const state = `${dir}/state`;
const env = { GEMINI_API_KEY: 'test-key', ANTHROPIC_API_KEY: 'test-key', ...MISSED_SOON };

let server: AgentServer;
beforeAll(async () => {
  server = await startAgentServer({ seed: 11, speed: SPEED });
});
afterAll(() => server.close());

describe.each(PROVIDERS)('%s: a worker killed in mid-session', (provider) => {
  test.each(POINTS)('%s: the same session is attached, and paid for once', async (point) => {
    const name = `${provider}-${point.toLowerCase()}`;
    const batch = hostedBatch(name, provider, ['one', 'two']);
    const before = server.ledger().totals;

    await killedAt(point, batch);
    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(exit.code, exit.stderr).toBe(0);

    const { runs, totals } = server.ledger();
    expect(totals.runs - before.runs).toBe(2);
    expect(totals.paidTurns - before.paidTurns).toBe(2);
    expect(runs.every((run) => run.runs <= 1 && run.paidTurns <= 1)).toBe(true);
    // Booked and not yet archived: idle, free, and found by `doctor --orphans`.
    const leftOpen = provider === 'claude' && point === 'A10' ? 1 : 0;
    expect(totals.open - before.open).toBe(leftOpen);
    expect(report.sessions.wasted).toBe(0);
    expect(batch.published()).toEqual(['blog/news/one.md', 'blog/news/two.md']);
  });
});

/**
 * What nobody but the service knows is said as it is: each run there is that of a job, or of a session that the report
 * declares as wasted, and says why. One that is declared need not have run.
 */
describe('a worker killed before it had the answer to its start', () => {
  test.each<
    readonly [Which, 'not sent' | 'sent', object, { runs: number; wasted?: string[]; held?: number }]
  >([
    ['claude', 'not sent', {}, { runs: 2 }], // the idle session takes no prompt any more: nothing ran
    ['antigravity', 'not sent', {}, { runs: 2, wasted: ['twin'] }],
    ['antigravity', 'sent', { output: 'text' }, { runs: 3, wasted: ['twin'] }], // no sign of it is of use
    ['claude', 'sent', { onUnknownStart: 'hold' }, { runs: 2 }], // the prompt is there: no question
    ['claude', 'not sent', { onUnknownStart: 'hold' }, { runs: 1, wasted: ['conflict'], held: 1 }],
    ['antigravity', 'not sent', { onUnknownStart: 'hold' }, { runs: 1, wasted: ['conflict'], held: 1 }],
    [
      'antigravity',
      'sent',
      { onUnknownStart: 'hold', output: 'text' },
      { runs: 2, wasted: ['conflict'], held: 1 },
    ],
  ])('%s, %s, %o', async (provider, how, options, { runs, wasted = [], held = 0 }) => {
    const kind = Object.values(options).join('-') || 'plain';
    const batch = hostedBatch(`${provider}-${how.replace(' ', '-')}-${kind}`, provider, ['one', 'two'], {
      options,
    });
    const before = server.ledger().totals;

    if (how === 'sent') await killedInMidStart(provider, batch);
    else await killedAt('A3', batch);
    expect(server.ledger().totals.runs - before.runs, 'what the service had of it').toBe(
      how === 'sent' ? 1 : 0,
    );
    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(exit.code, exit.stderr).toBe(held > 0 ? 2 : 0);

    const { totals } = server.ledger();
    expect(totals.runs - before.runs).toBe(runs);
    expect(totals.open - before.open, 'kept for a person, idle').toBe(provider === 'claude' ? held : 0);
    expect(report.counts).toMatchObject({ done: 2 - held, held });
    expect(await wasteOf(batch)).toEqual(wasted);
    expect(report.sessions.wasted).toBe(wasted.length);
    expect(runs).toBeLessThanOrEqual(2 - held + wasted.length);
    if (held === 0) return;
    const again = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(again.exit.code, 'no start goes on with it').toBe(2);
    expect(server.ledger().totals.runs - before.runs).toBe(runs);
  });
});

test.each(PROVIDERS)(
  '%s: a session that was never sent off has all its time when a worker comes back late',
  async (provider) => {
    const batch = hostedBatch(`${provider}-late`, provider, ['one', 'two'], { timeout: '5s' });
    const before = server.ledger().totals;
    await killedAt('A2', batch);
    await sleep(6_000);
    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(exit.code, exit.stderr).toBe(0);
    expect(server.ledger().totals.runs - before.runs).toBe(2);
    expect(report.sessions.wasted).toBe(0);
  },
);

describe.each(PROVIDERS)('%s: doctor --orphans', (provider) => {
  const END = { antigravity: 'environments.delete', claude: 'sessions.archive' }[provider];

  test('what a kill has left at the service is found and ended, and what others have there is not', async () => {
    const service = await aService();
    const theirs = await ofSomebodyElse(provider, service);
    const batch = hostedBatch(`${provider}-left`, provider, ['one', 'two'], { service });
    await killedAt('A10', batch);
    expect((await runJson(batch.file, { cwd: batch.dir, state, env })).exit.code).toBe(0);
    expect(await orphans(batch)).toMatchObject({ code: 2, sessions: ['foreign left', 'orphan left'] });

    service.addFault({ match: { call: END }, do: 'server-error', times: 1 });
    const failed = await orphans(batch, '--end', '--reason', 'left by a kill');
    expect(failed).toMatchObject({ code: 2, sessions: ['foreign left', 'orphan failed'] });
    const ended = await orphans(batch, '--end', '--reason', 'left by a kill');
    expect(ended).toMatchObject({ code: 0, sessions: ['foreign left', 'orphan ended'] });
    expect(await orphans(batch)).toMatchObject({ code: 0, sessions: ['foreign left'] });
    expect(await theirs(), 'it is there').toBe(true);
    const audit = await cli(['ledger', 'audit', '--json', '--state', state], { cwd: batch.dir, env });
    const { requests } = JSON.parse(audit.stdout) as { requests: readonly RequestRow[] };
    const asked = requests.filter(({ what, work }) => what === 'end-orphan' && work === `${provider}-left`);
    expect(asked.map(({ outcome }) => outcome).sort()).toEqual(['done', 'failed']);
    for (const { reason } of asked) expect(reason).toMatch(/^left by a kill/);
  });

  test('a session under way is left alone, and ends well', async () => {
    const service = await aService({ speed: 'stepped' });
    const batch = hostedBatch(`${provider}-owned`, provider, ['one'], { service });
    const run = startCli(['run', batch.file, '--state', state, '--json'], { cwd: batch.dir, env });
    onTestFinished(() => void run.process.kill('SIGKILL'));
    await until('it runs', () => service.ledger().totals.runs === 1);
    expect(await orphans(batch, '--end')).toMatchObject({ code: 0, sessions: ['owned left'] });
    expect(service.ledger().totals).toMatchObject({ runs: 1, open: 1 });
    service.advance(3_600_000);
    const { code, stdout, stderr } = await run.exit;
    expect(code, stderr).toBe(0);
    expect((JSON.parse(stdout) as RunReport).sessions).toMatchObject({ started: 1, wasted: 0 });
    expect(service.ledger().totals).toMatchObject({ runs: 1, paidTurns: 1, open: 0 });
  });
});

/** A service of its own: who looks there sees nothing of other tests. */
async function aService(options: Partial<AgentServerOptions> = {}): Promise<AgentServer> {
  const service = await startAgentServer({ seed: 12, speed: SPEED, ...options });
  onTestFinished(() => service.close());
  return service;
}

async function killedAt(point: CrashPoint, { file, dir: cwd }: TestBatch): Promise<void> {
  const died = await startNode([FIXTURE, file, state, point], { cwd, env }).exit;
  expect(died.signal, died.stderr).toBe('SIGKILL');
}

/** Once its start has arrived at the service, which keeps the answer back. */
async function killedInMidStart(provider: Which, { file, dir: cwd }: TestBatch): Promise<void> {
  const { runs } = server.ledger().totals;
  const seconds = 60 * SPEED;
  server.addFault({ match: { call: START[provider] }, do: 'client-timeout', with: { seconds }, times: 1 });
  const worker = startNode([FIXTURE, file, state, 'A4'], { cwd, env });
  onTestFinished(() => void worker.process.kill('SIGKILL'));
  await until('its start has arrived', () => server.ledger().totals.runs > runs);
  worker.process.kill('SIGKILL');
  await worker.exit;
}

/** Why sessions of a batch count as wasted. */
async function wasteOf({ file, dir: cwd }: TestBatch): Promise<string[]> {
  const name = file.split('/').at(-2) ?? '';
  const costs = await cli(['costs', name, '--sessions', '--json', '--state', state], { cwd, env });
  const { sessions } = JSON.parse(costs.stdout) as { sessions: { use: string; reason?: string }[] };
  return sessions.flatMap(({ use, reason = '' }) => (use === 'wasted' ? [reason] : []));
}

async function orphans({ file, dir: cwd }: TestBatch, ...flags: string[]) {
  const args = ['doctor', file, '--orphans', ...flags, '--json', '--state', state];
  const { code, stdout, stderr } = await cli(args, { cwd, env });
  expect(stdout, stderr).not.toBe('');
  const { sessions } = JSON.parse(stdout) as { sessions: { standing: string; outcome: string }[] };
  return { code, stderr, sessions: sessions.map(({ standing, outcome }) => `${standing} ${outcome}`).sort() };
}

/** A session with a run key that our ledger has never heard of. @returns whether it is still there */
async function ofSomebodyElse(provider: Which, service: AgentServer): Promise<() => Promise<boolean>> {
  const runKey = 'f'.repeat(32);
  if (provider === 'claude') {
    const baseURL = service.anthropicUrl;
    const { sessions } = new Anthropic({ apiKey: env.ANTHROPIC_API_KEY, baseURL, maxRetries: 0 }).beta;
    const { agent, environment } = service.readyMade;
    const metadata = { run_key: runKey, attempt: '1' };
    const { id } = await sessions.create({ agent, environment_id: environment, metadata });
    return async () => (await sessions.retrieve(id)).archived_at === null;
  }
  const httpOptions = { baseUrl: service.geminiUrl };
  const { environments } = new GoogleGenAI({ apiKey: env.GEMINI_API_KEY, apiVersion: 'v1beta', httpOptions });
  const { id } = await environments.create({});
  await environments.files.upload({ environment: id, path: `claim/${runKey}-1`, file: new Blob(['theirs']) });
  return async () => (await environments.get(id)).id === id;
}

function hostedBatch(
  name: string,
  provider: Which,
  slugs: readonly string[],
  {
    service = server,
    timeout = '10m',
    options = {},
  }: { readonly service?: AgentServer; readonly timeout?: string; readonly options?: object } = {},
): TestBatch {
  const { geminiUrl, anthropicUrl, readyMade } = service;
  const common = { pollInterval: '50ms', ...GIVEN_UP, ...options };
  const of = {
    antigravity: { baseUrl: geminiUrl, ...common },
    claude: { baseUrl: anthropicUrl, ...SETTLE, ...readyMade, ...common },
  };
  return writeHostedBatch(
    provider,
    { dir: `${dir}/${name}`, name, slugs },
    { options: of[provider], concurrency: 1, timeout },
  );
}
