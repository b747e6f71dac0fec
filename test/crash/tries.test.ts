// A worker dies by SIGKILL four times in one step, and then the service fails once: that is the first failure of the step,
// however often the engine has begun it again.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startAgentServer } from '../../src/testing/index.js';
import { tempDir, writeBatch, writeHostedBatch, type TestBatch } from '../support/batch.js';
import { MISSED_SOON, runJson, startCli, until } from '../support/cli.js';
import { effectsAt, startKeyedService } from '../support/servers/keyed-service.js';

const KILLS = 4;
const dir = tempDir('nightshift-tries-');
const state = `${dir}/state`;
const env = { GEMINI_API_KEY: 'test-key', ANTHROPIC_API_KEY: 'test-key', ...MISSED_SOON };

const RETRY = `{ classes: { transient: { tries: ${KILLS} } } }`;
const SETTLE = { listSettle: '100ms', kickoffSettle: '100ms', filesSettle: '500ms' };

/** Starts the batch, and kills its worker in the middle of a step, again and again. */
async function killedWhile(
  isInStep: (kill: number) => boolean,
  { file, dir: cwd }: TestBatch,
): Promise<void> {
  for (let kill = 1; kill <= KILLS; kill++) {
    const worker = startCli(['run', file, '--state', state], { cwd, env });
    onTestFinished(() => void worker.process.kill('SIGKILL'));
    await until(`it is in the step, for kill ${kill}`, () => isInStep(kill));
    worker.process.kill('SIGKILL');
    await worker.exit;
  }
}

test.each([
  ['antigravity', ['interactions.get'], 'files.read', '502'],
  ['claude', ['events.list', 'sessions.retrieve'], 'files.download', '500'],
] as const)(
  '%s: killed four times in mid-session, then its service fails once: the session is collected, and the only one',
  async (provider, polls, collect, form) => {
    const server = await startAgentServer({ seed: 21, speed: 'stepped' });
    onTestFinished(() => server.close());
    const options = {
      antigravity: { baseUrl: server.geminiUrl },
      claude: { baseUrl: server.anthropicUrl, ...SETTLE, ...server.readyMade },
    }[provider];
    const batch = writeHostedBatch(
      provider,
      { dir: `${dir}/${provider}`, name: provider, slugs: ['one'] },
      { options: { pollInterval: '100ms', ...options }, concurrency: 1 },
    );
    appendFileSync(batch.file, `retry: ${RETRY}\n`);
    const polled = () => server.requests().filter(({ call }) => polls.includes(call as never)).length;

    let before = 0;
    await killedWhile(() => {
      if (server.ledger().totals.runs === 0 || polled() < before + 5) return false;
      before = polled();
      return true;
    }, batch);
    server.addFault({ match: { call: collect }, do: 'server-error', with: { form }, times: 1 });
    server.advance(3_600_000);
    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });

    expect(exit.code, exit.stderr).toBe(0);
    expect(server.requests().filter(({ status }) => status === Number(form))).toHaveLength(1);
    expect(report.counts).toMatchObject({ done: 1, parked: 0 });
    expect(report.sessions.wasted).toBe(0);
    expect(server.ledger().totals).toMatchObject({ runs: 1, paidTurns: 1 });
    expect(batch.published()).toEqual(['blog/news/one.md']);
  },
);

test('killed four times while publishing, and answered one 502 then: the effect lands, once', async () => {
  const service = await startKeyedService();
  onTestFinished(() => service.stop());
  const batch = writeBatch({
    ...{ dir: `${dir}/publish`, name: 'publish', work: 'publish', slugs: ['one'] },
    effects: effectsAt(service),
  });
  const text = readFileSync(batch.file, 'utf8');
  writeFileSync(batch.file, text.replace(/^retry: .*$/m, `retry: ${RETRY}`));
  let looks = 0;
  let refused = 0;
  service.before = (what) => {
    if (what === 'write' || batch.sessions().length === 0) return undefined; // the agent step looks as well
    looks++;
    if (looks <= KILLS) return new Promise<void>(() => undefined);
    return refused++ === 0 ? 502 : undefined;
  };

  await killedWhile((kill) => looks === kill, batch);
  const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });

  expect(exit.code, exit.stderr).toBe(0);
  expect(refused).toBeGreaterThan(1);
  expect(report.counts).toMatchObject({ done: 1, parked: 0 });
  expect(service.texts).toEqual(['article one\ntitle About one']);
  expect(batch.sessions()).toEqual(['one 1']);
});
