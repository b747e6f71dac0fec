// A worker dies by SIGKILL while hosted agents are at work for it, at each named point of the agent step; then the batch
// is simply started again. Sessions are counted at the service, which an agent server plays.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '../../src/activities/crash-points.js';
import type { RequestRow } from '../../src/ledger/ledger.js';
import { startAgentServer, type AgentServer } from '../../src/testing/index.js';
import { MISSED_SOON, cli, runJson, startNode } from '../support/cli.js';
import { tempDir, writeHostedBatch } from '../support/batch.js';

const FIXTURE = fileURLToPath(new URL('./fixtures/worker-that-dies.mjs', import.meta.url));
/** Before A2 nothing has reached the provider. */
const POINTS = (Object.keys(CRASH_POINTS) as CrashPoint[]).filter((point) => /^A(?![01]$)/.test(point));
/** Sessions take minutes of service time; so many of those pass in one real minute. */
const SPEED = 1500;

/** The service's delays in its own time. */
const SETTLE = { listSettle: '100ms', kickoffSettle: '100ms', filesSettle: '500ms' };

const dir = tempDir('nightshift-provider-points-');
const state = `${dir}/state`;
const env = { GEMINI_API_KEY: 'test-key', ANTHROPIC_API_KEY: 'test-key', ...MISSED_SOON };

let server: AgentServer;
let claude: { readonly agent: string; readonly environment: string };
beforeAll(async () => {
  server = await startAgentServer({ seed: 11, speed: SPEED });
  const api = new Anthropic({ apiKey: env.ANTHROPIC_API_KEY, baseURL: server.anthropicUrl, maxRetries: 0 });
  const { id: agent } = await api.beta.agents.create({ name: 'writer', model: 'claude-sonnet-5-5' });
  const { id: environment } = await api.beta.environments.create({ name: 'cloud' });
  claude = { agent, environment };
});
afterAll(() => server.close());

describe.each(['antigravity', 'claude'] as const)('%s: a worker killed in mid-session', (provider) => {
  test.each(POINTS)('%s: the same session is attached, and paid for once', async (point) => {
    const name = `${provider}-${point.toLowerCase()}`;
    const batch = hostedBatch(name, provider, ['one', 'two']);
    const before = server.ledger().totals;

    const died = await startNode([FIXTURE, batch.file, state, point], { cwd: batch.dir, env }).exit;
    expect(died.signal, died.stderr).toBe('SIGKILL');
    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(exit.code, exit.stderr).toBe(0);

    const { runs, totals } = server.ledger();
    expect(totals.runs - before.runs).toBe(2);
    expect(totals.paidTurns - before.paidTurns).toBe(2);
    expect(runs.every((run) => run.runs <= 1 && run.paidTurns <= 1)).toBe(true);
    // Booked and not yet archived: idle, free, and found by \`doctor --orphans\`.
    const leftOpen = provider === 'claude' && point === 'A10' ? 1 : 0;
    expect(totals.open - before.open).toBe(leftOpen);
    expect(report.sessions.wasted).toBe(0);
    expect(batch.published()).toEqual(['blog/news/one.md', 'blog/news/two.md']);
  });
});

test.each(['antigravity', 'claude'] as const)(
  '%s: a session that was never sent off has all its time when a worker comes back late',
  async (provider) => {
    const batch = hostedBatch(`${provider}-late`, provider, ['one', 'two'], '5s');
    const before = server.ledger().totals;
    const died = await startNode([FIXTURE, batch.file, state, 'A2'], { cwd: batch.dir, env }).exit;
    expect(died.signal, died.stderr).toBe('SIGKILL');
    await sleep(6_000);
    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(exit.code, exit.stderr).toBe(0);
    expect(server.ledger().totals.runs - before.runs).toBe(2);
    expect(report.sessions.wasted).toBe(0);
  },
);

test('what a kill has left at the service is found and ended, and what others have there is not', async () => {
  const api = new Anthropic({ apiKey: env.ANTHROPIC_API_KEY, baseURL: server.anthropicUrl, maxRetries: 0 });
  const theirs = await api.beta.sessions.create({
    agent: claude.agent,
    environment_id: claude.environment,
    metadata: { run_key: 'f'.repeat(32), attempt: '1' },
  });
  const batch = hostedBatch('claude-a10', 'claude', ['one', 'two']);
  const look = async (...flags: string[]) => {
    const args = ['doctor', batch.file, '--orphans', ...flags, '--json', '--state', state];
    const { code, stdout, stderr } = await cli(args, { cwd: batch.dir, env });
    expect(stdout, stderr).not.toBe('');
    const { sessions } = JSON.parse(stdout) as { sessions: { standing: string; ids: { session: string } }[] };
    return { code, stderr, standings: sessions.map(({ standing }) => standing).sort(), sessions };
  };
  expect(await look()).toMatchObject({ code: 2, standings: ['foreign', 'orphan'] });
  const ended = await look('--end', '--reason', 'left by a kill');
  expect(ended).toMatchObject({ code: 0, standings: ['foreign', 'orphan'] });
  const audit = await cli(['ledger', 'audit', '--json', '--state', state], { cwd: batch.dir, env });
  const { requests } = JSON.parse(audit.stdout) as { requests: readonly RequestRow[] };
  expect(requests.filter(({ what }) => what === 'end-orphan')).toMatchObject([
    { outcome: 'done', reason: 'left by a kill' },
  ]);
  expect(await look()).toMatchObject({ code: 0, standings: ['foreign'] });
  expect((await api.beta.sessions.retrieve(theirs.id)).archived_at).toBeNull();
  expect(server.ledger().totals.open).toBe(1);
});

function hostedBatch(
  name: string,
  provider: 'antigravity' | 'claude',
  slugs: readonly string[],
  timeout = '10m',
) {
  const options =
    provider === 'antigravity'
      ? { baseUrl: server.geminiUrl, pollInterval: '50ms' }
      : { baseUrl: server.anthropicUrl, pollInterval: '50ms', ...SETTLE, ...claude };
  return writeHostedBatch(
    provider,
    { dir: `${dir}/${name}`, name, slugs },
    { options, concurrency: 1, timeout },
  );
}
