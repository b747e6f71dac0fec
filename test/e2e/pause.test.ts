// Everything stands still in mid-night: fifty sessions under way at the agent service, whose time moves only when the
// test says so. Counted at the service and at the destination; worker and engine are killed meanwhile.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunReport } from '../../src/contract/result.js';
import { startAgentServer, type AgentServer } from '../../src/testing/index.js';
import { slugsOf, tempDir, writeBatch, type TestBatch } from '../support/batch.js';
import { cli, startCli, until, type Exit } from '../support/cli.js';

const root = tempDir('nightshift-pause-');
const state = join(root, 'state');
const env = { GEMINI_API_KEY: 'test-key' };
/** More than a session takes at the service, and less than it keeps one. */
const ENOUGH_MS = 3_600_000;

let server: AgentServer;
beforeAll(async () => {
  server = await startAgentServer({ seed: 6, speed: 'stepped' });
});
afterAll(() => server.close());

function hosted(name: string, jobs: number, concurrency: number): TestBatch & { readonly name: string } {
  const batch = writeBatch({ dir: join(root, name), name, work: name, slugs: slugsOf(jobs) });
  const agent = { baseUrl: server.geminiUrl, pollInterval: '1s' };
  writeFileSync(
    batch.file,
    `name: ${name}
work: ${name}
jobs: ./batch.csv
agent: { use: antigravity, prompt: "About {{ title }}", timeout: 2h, with: ${JSON.stringify(agent)} }
effects:
  - { name: post, use: folder, target: "./public/{{ site }}", with: { path: "{{ slug }}.md" } }
limits: { concurrency: ${concurrency} }
`,
  );
  return { ...batch, name };
}

const run = ({ file, dir }: TestBatch, ...flags: string[]) =>
  startCli(['run', file, '--state', state, '--json', ...flags], { cwd: dir, env });
const nightshift = (...words: string[]) => cli([...words, '--state', state, '--json'], { cwd: root, env });
const sessions = () => server.ledger().totals.runs;
const reportOf = ({ stdout, stderr }: Exit) => {
  expect(stdout, stderr).toMatch(/^\{/);
  return JSON.parse(stdout) as RunReport;
};
const polls = () => server.requests().length;

test('everything paused during 50 running jobs: no session and no effect after the answer, over a killed worker and engine; resume ends all', async () => {
  const night = hosted('fifty', 60, 50);
  const first = run(night);
  await until('fifty sessions run', () => sessions() === 50, 120_000);

  const paused = await nightshift('pause', '--all', '--reason', 'the blog moves');
  expect(paused.code, paused.stderr).toBe(0);
  expect(JSON.parse(paused.stdout)).toMatchObject({ hold: { level: 'finish', reason: 'the blog moves' } });
  server.advance(ENOUGH_MS);
  await sleep(3000); // they end, are collected, and their jobs stand at the gate
  expect(sessions()).toBe(50);
  expect(night.published()).toEqual([]);

  first.process.kill('SIGKILL');
  await first.exit;
  killEngine();
  const later = hosted('later', 2, 2);
  expect((await run(later, '--no-wait').exit).code, 'a batch started later stands still, too').toBe(75);
  const second = run(night);
  await sleep(4000);
  expect(sessions()).toBe(50);
  expect(night.published()).toEqual([]);
  const status = await nightshift('status', 'fifty');
  expect(status.code).toBe(75);
  expect(JSON.parse(status.stdout)).toMatchObject({
    hold: { scope: { kind: 'all' }, reason: 'the blog moves' },
  });

  const resumed = await nightshift('resume', '--all');
  expect(resumed.code, resumed.stderr).toBe(0);
  const advancing = setInterval(() => server.advance(ENOUGH_MS / 4), 1500);
  try {
    const exit = await second.exit;
    expect(exit.code, exit.stderr).toBe(0);
    expect(reportOf(exit).sessions.wasted).toBe(0);
    expect((await run(later).exit).code).toBe(0);
  } finally {
    clearInterval(advancing);
  }
  expect(night.published()).toHaveLength(60);
  expect(sessions()).toBe(62);
  const asked = await nightshift('ledger', 'audit');
  expect(asked.stdout).toContain('everything: the blog moves');
}, 300_000);

test('admit lets jobs under way finish and begins no other; freeze does not even look at sessions', async () => {
  const before = sessions();
  const night = hosted('levels', 6, 3);
  const running = run(night);
  await until('three sessions run', () => sessions() === before + 3);

  expect((await nightshift('pause', '--work', 'levels', '--level', 'freeze')).code).toBe(0);
  await sleep(2000);
  const asked = polls();
  server.advance(ENOUGH_MS);
  await sleep(2000);
  expect(polls(), 'nothing was asked of the service').toBe(asked);
  expect(night.published()).toEqual([]);

  expect((await nightshift('pause', '--work', 'levels', '--level', 'admit')).code).toBe(0);
  await until('the three are published', () => night.published().length === 3);
  await sleep(1000);
  expect(sessions()).toBe(before + 3);

  expect((await nightshift('concurrency', 'levels', '2')).code).toBe(0);
  expect((await nightshift('resume', '--work', 'levels')).code).toBe(0);
  await until('two more run', () => sessions() === before + 5);
  const advancing = setInterval(() => server.advance(ENOUGH_MS / 4), 1500);
  const exit = await running.exit.finally(() => clearInterval(advancing));
  expect(exit.code, exit.stderr).toBe(0);
  expect(night.published()).toHaveLength(6);
  expect(sessions()).toBe(before + 6);
}, 180_000);

test('a run that is paused by name goes on by its name, also when another run of that name has ended since', async () => {
  const of = (slugs: readonly string[], file: string) =>
    writeBatch({
      dir: join(root, 'twice'),
      file,
      name: 'twice',
      work: 'twice',
      slugs,
      concurrency: 1,
      seconds: 2,
    });
  const paused = of(slugsOf(6), 'first');
  const first = run(paused);
  await until('one is published', () => paused.published().length === 1);
  expect((await nightshift('pause', 'twice')).code).toBe(0);
  expect((await run(of(['other'], 'second')).exit).code).toBe(0);

  expect(paused.published().length, 'the first still waits').toBeLessThan(7);
  const resumed = await nightshift('resume', 'twice');
  expect(JSON.parse(resumed.stdout)).toMatchObject({
    batches: [{ answer: expect.stringMatching(/^(answered|queued)$/) as string }],
  });
  expect((await first.exit).code).toBe(0);
  expect(paused.sessions()).toHaveLength(7);
  expect(paused.published()).toHaveLength(7);
}, 120_000);

/** By its process id, as the record of the engine has it. */
function killEngine(): void {
  const record = join(state, 'engine', 'engine.json');
  if (!existsSync(record)) return;
  const { pid, serverPid } = JSON.parse(readFileSync(record, 'utf8')) as { pid: number; serverPid: number };
  for (const each of [pid, serverPid]) {
    try {
      process.kill(each, 'SIGKILL');
    } catch {
      // it has gone already
    }
  }
}
