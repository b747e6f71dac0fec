// Everything stands still in mid-night: fifty sessions under way at the agent service, whose time moves only when the
// test says so. Counted at the service and at the destination; worker and engine are killed meanwhile.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Progress } from '../../src/contract/messages.js';
import type { RunReport } from '../../src/contract/result.js';
import { startAgentServer, type AgentServer } from '../../src/testing/index.js';
import { slugsOf, tempDir, writeBatch, type TestBatch } from '../support/batch.js';
import { cli, standsStill, startCli, until, type Exit } from '../support/cli.js';
import { runningBatch, withEngine } from '../support/engine.js';

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
const onBatch = <T>(name: string, use: (handle: WorkflowHandle) => Promise<T>): Promise<T> =>
  withEngine(state, async (client) => use(client.workflow.getHandle(await runningBatch(client, name))));
const progressOf = (name: string) =>
  onBatch(name, (handle) => handle.query<Progress>('progress').catch(() => undefined));

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
  await standsStill('what was being asked is answered', polls, 2000);
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

test('a run that a wider pause holds says of how many jobs, who paused what and why, and what lifts it', async () => {
  const batch = writeBatch({ dir: join(root, 'wide'), name: 'wide', work: 'wide', slugs: slugsOf(2) });
  expect((await nightshift('pause', '--provider', 'command', '--reason', 'moving house')).code).toBe(0);
  const words = [batch.file, '--no-wait', '--edition', 'tonight', '--state', state];
  const held = await cli(['run', ...words], { cwd: batch.dir, env });
  expect(held.code, held.stderr).toBe(75);
  expect(held.stdout).toContain('wide: paused, 0 of 2 jobs finished');
  expect(held.stdout).toMatch(/provider command is paused by \S+: moving house \(finish, since/);
  expect(held.stdout).toContain(`next: go on: nightshift resume --provider command --state ${state}\n`);
  const inJson = reportOf(await run(batch, '--no-wait').exit);
  expect(inJson.hold).toMatchObject({ scope: { kind: 'provider', name: 'command' }, reason: 'moving house' });

  expect((await nightshift('resume', '--provider', 'command')).code).toBe(0);
  expect((await run(batch).exit).code).toBe(0);
  expect(batch.published()).toHaveLength(2);
}, 120_000);

test('what is asked of a batch by its signals is in the audit once each, as is what the program asks', async () => {
  const batch = writeBatch({ dir: join(root, 'asked'), name: 'asked', work: 'asked', slugs: slugsOf(2) });
  const before = 'while [ ! -e go ]; do sleep 0.1; done\n';
  const agent = join(batch.dir, 'agent.sh');
  writeFileSync(agent, before + readFileSync(agent, 'utf8'));
  const first = run(batch);
  await until('both sessions run', async () => (await progressOf('asked'))?.inFlight === 2);
  await onBatch('asked', async (handle) => {
    await handle.signal('pause', { by: 'ann', reason: 'the blog moves' });
    await handle.signal('setConcurrency', { concurrency: 3, by: 'bob', reason: 'too slow' });
  });
  await until('it is paused', async () => (await progressOf('asked'))?.state === 'pausing');
  first.process.kill('SIGKILL'); // whoever goes on reads the messages again
  await first.exit;
  const second = run(batch);
  await until('a worker lives', async () => (await progressOf('asked')) !== undefined);
  expect((await nightshift('resume', 'asked', '--reason', 'moved')).code).toBe(0);
  expect((await nightshift('concurrency', 'asked', '4')).code).toBe(0);
  writeFileSync(join(batch.dir, 'go'), '');
  expect((await second.exit).code).toBe(0);

  const { stdout } = await nightshift('ledger', 'audit', 'asked');
  const { requests } = JSON.parse(stdout) as { requests: { what: string; by: string; reason?: string }[] };
  const steered = requests.filter(({ what }) => what !== 'start');
  expect(steered.map(({ what }) => what).sort()).toEqual(['concurrency', 'concurrency', 'pause', 'resume']);
  expect(steered).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ what: 'pause', by: 'ann', reason: 'the blog moves' }),
      expect.objectContaining({ what: 'concurrency', by: 'bob', reason: '3 at once: too slow' }),
      expect.objectContaining({ what: 'resume', reason: 'moved' }),
      expect.objectContaining({ what: 'concurrency', reason: '4 at once' }),
    ]),
  );
}, 180_000);

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
