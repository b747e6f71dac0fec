// A bad agent meets a batch that lets two of its jobs go first. Counted by the agents' own log and at the destination;
// the worker is killed between the canary and the rest.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { RunReport } from '../../src/contract/result.js';
import { MISSED_SOON, cli, startCli, until, type Exit, type RunningCli } from '../support/cli.js';
import { slugsOf, tempDir, writeBatch, type BatchOptions, type TestBatch } from '../support/batch.js';
import { startReceiver, type Receiver } from '../support/servers/receiver.js';

// One state directory, so one engine, for all.
const root = tempDir('nightshift-canary-');
const state = join(root, 'state');
const JOBS = slugsOf(12);

/** An agent that is bad until somebody has mended it. */
const BAD = '[ -e mended ] || exit 65';

interface Night extends TestBatch {
  readonly name: string;
  /** What the destination was sent. */
  readonly blog: Receiver;
  verb(word: string, ...flags: string[]): Promise<Exit>;
  /** The batch as `nightshift run` starts it. */
  run(...flags: string[]): RunningCli;
}

async function night(name: string, options: Partial<BatchOptions>): Promise<Night> {
  const blog = await startReceiver();
  onTestFinished(() => blog.stop());
  const dir = join(root, name);
  const batch = writeBatch({ slugs: JOBS, seconds: 0, sessionsMax: 1, ...options, name, work: name, dir });
  edit(
    batch,
    'use: folder, target: "./public/{{ site }}", with: { path: "{{ category }}/{{ slug }}.md" }',
    `use: http, target: api, with: { url: "${blog.url}/", body: "{{ slug }}", keyWindow: 24h }`,
  );
  edit(batch, 'limits: {', 'canary: 2\nlimits: {');
  const at = { cwd: dir, env: MISSED_SOON };
  return {
    ...batch,
    name,
    blog,
    verb: (word, ...flags) => cli([word, name, '--state', state, ...flags], at),
    run: (...flags) => startCli(['run', batch.file, '--state', state, '--json', ...flags], at),
  };
}

const edit = ({ file }: TestBatch, from: string, to: string) => {
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(from);
  writeFileSync(file, text.replace(from, to));
};
const mend = ({ dir }: TestBatch) => writeFileSync(join(dir, 'mended'), '');
const posts = ({ blog }: Night) => blog.got.map(({ body }) => body).sort();
const batchOf = ({ stdout, stderr }: Exit) => {
  expect(stdout, stderr).toMatch(/^\{/);
  return (JSON.parse(stdout) as RunReport).batch;
};
const isPaused = async (batch: Night) => (await batch.verb('status', '--json')).code === 75;

test('a bad agent costs two sessions of twelve; once it is mended, resume and retry do the rest, and nothing twice', async () => {
  const batch = await night('bad', { before: BAD });
  const first = await batch.run().exit;
  expect(first.code, first.stderr).toBe(75);
  const { result, reason } = batchOf(first);
  expect(result).toBe('paused');
  expect(reason).toMatch(/^the canary failed: .*job-0[12] was parked: invalid: /);
  expect(batch.sessions()).toHaveLength(2);

  const { stdout: status } = await batch.verb('status');
  expect(status).toMatch(/bad: paused \(the canary failed: .*job-0[12] was parked: invalid: .*\), 0 of 12/);
  for (const word of ['resume', 'retry', 'cancel']) expect(status).toContain(`nightshift ${word} bad`);
  expect((await batch.run().exit).code, 'a start does not end the pause').toBe(75);
  expect(batch.sessions()).toHaveLength(2);

  mend(batch);
  const retried = await batch.verb('retry', '--json');
  expect(retried.code, retried.stderr).toBe(75);
  expect(batch.sessions(), 'nor does a retry').toHaveLength(2);
  const resumed = await batch.verb('resume');
  expect(resumed.code, resumed.stderr).toBe(0);
  const last = await batch.run().exit;
  expect(last.code, last.stderr).toBe(0);
  expect(batch.sessions()).toHaveLength(2 + 12);
  expect(posts(batch)).toEqual(JOBS);
});

test('mended in the batch file, which a run under way does not read: cancel, run and retry do the rest', async () => {
  const batch = await night('edited', { before: '[ "$MENDED" = yes ] || exit 65' });
  expect((await batch.run().exit).code).toBe(75);
  expect(batch.sessions()).toHaveLength(2);

  edit(batch, 'timeout: 60s', 'timeout: 60s, env: { MENDED: "yes" }');
  const cancelled = await batch.verb('cancel');
  expect(cancelled.code, cancelled.stderr).toBe(0);
  const again = await batch.run().exit;
  expect(again.code, again.stderr).toBe(2); // those that are parked wait for a person
  expect(batch.sessions()).toHaveLength(2 + 10);
  const retried = await batch.verb('retry', '--json');
  expect(retried.code, retried.stderr).toBe(0);
  expect(batch.sessions()).toHaveLength(2 + 12);
  expect(posts(batch)).toEqual(JOBS);
});

test('a worker that is killed while the canary runs, or after it has failed, lets nobody else go first', async () => {
  const held = 'while [ ! -e go ]; do sleep 0.1; done';
  const batch = await night('killed', { before: `${held}; ${BAD}`, sessionsMax: 3 });
  const first = batch.run();
  await until('the canary runs', () => batch.sessions().length === 2);
  const { stdout: status } = await batch.verb('status');
  expect(status).toMatch(/canary +2 jobs go first as canary, the others when they did well/);
  first.process.kill('SIGKILL');
  await first.exit;

  const worker = () => {
    const started = startCli(['worker', '--state', state], { cwd: batch.dir, env: MISSED_SOON });
    onTestFinished(() => void started.process.kill('SIGKILL'));
    return started;
  };
  const slugs = () => new Set(batch.sessions().map((line) => line.split(' ')[0]));
  const second = worker();
  writeFileSync(join(batch.dir, 'go'), '');
  await until('the batch is paused', () => isPaused(batch));
  expect(slugs()).toEqual(new Set(JOBS.slice(0, 2)));
  second.process.kill('SIGKILL');
  await second.exit;

  const third = worker();
  await sleep(3000);
  expect(slugs()).toEqual(new Set(JOBS.slice(0, 2)));
  expect(posts(batch)).toEqual([]);
  mend(batch);
  expect((await batch.verb('resume')).code).toBe(0);
  expect((await batch.run().exit).code).toBe(2);
  expect((await batch.verb('retry', '--json')).code).toBe(0);
  expect(posts(batch)).toEqual(JOBS);
  third.process.kill('SIGTERM');
  await third.exit;
});
