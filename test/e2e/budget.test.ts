// A budget of a day that is used up in mid-run: what is said of it, and what raising it does. Counted at the agent.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { slugsOf, tempDir, twice, writeBatch, type TestBatch } from '../support/batch.js';
import { cli, runJson, startCli, until } from '../support/cli.js';

/** Costs a quarter, and notes that it was called. */
const AGENT = `
import { appendFileSync, writeFileSync } from 'node:fs';
appendFileSync('sessions.log', process.env.NIGHTSHIFT_JOB_KEY + '\\n');
const cost = { usd: '0.25', source: 'reported' };
const usage = { inputTokens: 1, outputTokens: 1 };
writeFileSync(process.env.NIGHTSHIFT_RESULT_FILE, JSON.stringify({ v: 1, status: 'ok', text: 'an article', usage, cost }));
`;

interface Status {
  readonly counts: { readonly done: number; readonly running: number; readonly gated: number };
  readonly waitsFor: readonly { readonly kind: string; readonly jobs?: number; readonly why: string }[];
}

const edit = (file: string, from: string, to: string): void =>
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));

const json = async <T>(batch: TestBatch, ...words: readonly string[]): Promise<T> => {
  const { stdout } = await cli([...words, '--state', batch.state, '--json'], { cwd: batch.dir });
  return JSON.parse(stdout) as T;
};

// One state directory, so one engine, for both; each has a name and a kind of work of its own.
const root = tempDir('nightshift-budget-');
const state = join(root, 'state');

test('a used-up budget of a day is told at once, and its jobs go on when it is raised', async () => {
  const dir = join(root, 'spent');
  const batch = writeBatch({ dir, state, name: 'spent', work: 'spent', slugs: slugsOf(8), concurrency: 2 });
  writeFileSync(join(dir, 'agent.mjs'), AGENT);
  edit(batch.file, '[sh, agent.sh]', '[node, agent.mjs]');
  writeFileSync(batch.file, `${readFileSync(batch.file, 'utf8')}budget: { perDay: 0.8, perSession: 0.25 }\n`);

  const first = startCli(['run', batch.file, '--state', state], { cwd: dir });
  let status: Status | undefined;
  await until('both jobs under way wait', async () => {
    if (batch.sessions().length < 3) return false;
    status = await json<Status>(batch, 'status', 'spent');
    return status.counts.gated === 2;
  });
  expect(status?.counts).toMatchObject({ done: 3, running: 0 });
  expect(status?.waitsFor).toMatchObject([
    { kind: 'budget', jobs: 2, why: expect.stringMatching(/^budget\.perDay is used up until 2/) as string },
  ]);
  await until('an alert is open', async () => {
    const { alerts } = await json<{ alerts: { rule: string }[] }>(batch, 'alert', 'list');
    return alerts.some(({ rule }) => rule === 'budget');
  });
  expect((await cli(['report', 'spent', '--state', state], { cwd: dir })).stdout).toContain(
    'The budget is used up',
  );

  edit(batch.file, 'perDay: 0.8', 'perDay: 10');
  const { exit, report } = await runJson(batch.file, { cwd: dir, state });
  expect(exit.code, exit.stderr).toBe(0);
  expect(report.batch.result).toBe('completed');
  const ended = await first.exit;
  expect(ended.code, ended.stderr).toBe(0);
  expect(ended.stderr).toMatch(/waits for the budget \(\d jobs?\): budget\.perDay is used up until/);
  expect(batch.sessions()).toHaveLength(8);
  expect(twice(batch.sessions())).toEqual([]);
  expect(batch.published()).toHaveLength(8);
}, 180_000);

test('a start that waits behind a run of other contents goes on with its own when that run is cancelled', async () => {
  const dir = join(root, 'behind');
  const batch = writeBatch({ dir, state, name: 'behind', work: 'behind', slugs: slugsOf(2) });
  edit(batch.file, '[sh, agent.sh]', '[sleep, "3600"]');
  edit(batch.file, 'timeout: 60s', 'timeout: 2h');
  const slow = startCli(['run', batch.file, '--state', state], { cwd: dir });
  await until('its jobs run', async () => {
    const said = await cli(['status', 'behind', '--state', state, '--json'], { cwd: dir });
    return said.code === 0 && (JSON.parse(said.stdout) as Status).counts.running === 2;
  });

  edit(batch.file, '[sleep, "3600"]', '[sh, agent.sh]');
  const behind = startCli(['run', batch.file, '--state', state, '--json'], { cwd: dir });
  let said = '';
  behind.process.stderr?.on('data', (text: string) => (said += text));
  await until('the other one has joined it', () => said.includes('started from other contents'));
  await cli(['cancel', 'behind', '--state', state], { cwd: dir });
  expect((await slow.exit).code).toBe(2);
  const { code, stderr, stdout } = await behind.exit;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ batch: { result: 'completed' }, counts: { done: 2 } });
  expect(batch.sessions()).toHaveLength(2);
}, 180_000);
