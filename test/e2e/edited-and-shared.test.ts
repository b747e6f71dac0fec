// Found by attack: ways in which a start could say "completed" of work that was not done, or pay without saying so.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cli, runJson, startCli, until } from '../support/cli.js';
import { isAlive } from '../support/processes.js';
import { slugsOf, tempDir, writeBatch, type BatchOptions, type TestBatch } from '../support/batch.js';

// One state directory, so one engine, for all; each test has a name and a kind of work of its own.
const root = tempDir('nightshift-edited-');
const state = join(root, 'state');
const options = { cwd: root, state, env: { NIGHTSHIFT_STATE: state } };
const aBatch = (name: string, batch: BatchOptions): TestBatch =>
  writeBatch({ ...batch, name, work: name, dir: join(root, name), state });

test('a job joined in another batch counts only when the effects of this batch have landed too', async () => {
  const batch = aBatch('joined', { slugs: slugsOf(3), seconds: 2, concurrency: 3 });
  const other = join(batch.dir, 'other.yaml');
  writeFileSync(
    other,
    readFileSync(batch.file, 'utf8')
      .replace('name: joined', 'name: archive')
      .replace('name: post', 'name: archive')
      .replace('./public/', './public/archive-'),
  );
  const first = runJson(batch.file, options);
  await until('all jobs are under way', () => batch.sessions().length === 3);
  const second = await runJson(other, options);
  expect(second.exit.code, second.exit.stderr).toBe(0);
  expect((await first).exit.code).toBe(0);
  expect(batch.published().filter((path) => path.startsWith('archive-'))).toHaveLength(3);
  expect(batch.published()).toHaveLength(6);
  expect(batch.sessions()).toHaveLength(3);
});

test('a job that can not be filled in is refused with its line before anything starts', async () => {
  const batch = aBatch('not-filled-in', { slugs: ['one', 'two'] });
  const csv = join(batch.dir, 'batch.csv');
  writeFileSync(csv, `${readFileSync(csv, 'utf8')}\n\${env:HOME},news,three,About three,1`);
  const exit = await cli(['run', batch.file], options);
  expect(exit.code, exit.stderr).toBe(78);
  expect(exit.stderr).toMatch(/batch\.csv:4/);
  expect(batch.sessions()).toEqual([]);
});

test('a batch edited while its earlier contents run is done with both, and says so', async () => {
  const slugs = ['one', 'two'];
  const batch = aBatch('edited', { slugs, seconds: 2 });
  const first = startCli(['run', batch.file], options);
  await until('the jobs are under way', () => batch.sessions().length === 2);
  aBatch('edited', { slugs, seconds: 0.1, title: () => 'Edited', revision: () => 2 });
  const second = await runJson(batch.file, options);
  expect(second.exit.code, second.exit.stderr).toBe(0);
  expect(second.exit.stderr).toContain('other contents');
  await first.exit;
  expect(batch.read('blog/news/one.md')).toContain('Edited');
  expect(batch.published()).toHaveLength(2);
});

test('a job taken out of the list while its run is under way is told of, and is not done once that run is ended', async () => {
  const before = '[ "$slug" = one ] && sleep 8';
  const batch = aBatch('taken-out', { slugs: ['one', 'two', 'three'], before, concurrency: 1 });
  const first = startCli(['run', batch.file], options);
  await until('the first job is under way', () => batch.sessions().length === 1);
  aBatch('taken-out', { slugs: ['one', 'two', 'four'], before, concurrency: 1 });

  const plan = await cli(['plan', batch.file, '--json'], options);
  const change = { underWay: true, added: 1, gone: [{ identity: { slug: 'three' }, state: 'waiting' }] };
  expect(JSON.parse(plan.stdout)).toMatchObject({ earlier: [change] });
  const detached = await cli(['run', batch.file, '--detach'], options);
  expect(detached.stderr).toMatch(
    /1 job added, 1 job gone: blog \/ news \/ three \(waiting\); that run is still/,
  );
  const [, endIt = ''] = /end it: nightshift (cancel \S+)/.exec(detached.stderr) ?? [];
  expect((await cli(endIt.split(' '), options)).code).toBe(0);
  expect((await first.exit).code).toBe(2);

  const second = await cli(['run', batch.file], options);
  expect(second.code, second.stderr).toBe(0);
  expect(second.stderr).not.toContain('still under way');
  expect(batch.published()).toEqual(['blog/news/four.md', 'blog/news/one.md', 'blog/news/two.md']);
}, 240_000);

test('a retry of one job says beforehand which others its start goes on with', async () => {
  const before = '[ "$slug" != one ] || [ "$NIGHTSHIFT_ATTEMPT" != 1 ] || exit 65; [ -e calm ] || sleep 60';
  const batch = aBatch('others-too', {
    slugs: ['one', 'two', 'three', 'four'],
    before,
    concurrency: 1,
    sessionsMax: 1,
  });
  const first = startCli(['run', batch.file], options);
  await until('one is parked and two is under way', () => batch.sessions().length === 2);
  expect((await cli(['cancel', 'others-too'], options)).code).toBe(0);
  await first.exit;
  writeFileSync(join(batch.dir, 'calm'), '');

  const list = await cli(['retry', 'others-too', '--list', '--first', '1', '--json'], options);
  const { count, also } = JSON.parse(list.stdout) as Record<string, { identity: { slug: string } }[]>;
  expect({ count, also: also?.map(({ identity }) => identity.slug) }).toEqual({
    count: 1,
    also: ['two', 'three', 'four'],
  });
  expect(batch.sessions()).toHaveLength(2);
  const retry = await cli(['retry', 'others-too', '--first', '1'], options);
  expect(retry.code, retry.stderr).toBe(0);
  expect(retry.stderr).toContain('1 job runs again with a fresh budget');
  expect(retry.stderr).toContain(
    '3 other unfinished jobs of others-too go on too: blog / news / two, blog / news / three, blog / news / four',
  );
  expect(batch.sessions()).toHaveLength(2 + 1 + 3);
  expect(batch.published()).toHaveLength(4);
}, 240_000);

/** Its folder, with the state in it; an engine that still runs would look for that at the old place. */
async function move({ dir, state }: Pick<TestBatch, 'dir' | 'state'>): Promise<string> {
  await until('the engine has stopped', () => !existsSync(join(state, 'engine', 'engine.json')));
  const moved = `${dir}-moved`;
  renameSync(dir, moved);
  return moved;
}

test('a project that was moved: a retry leaves the old place alone and says why, a start from the file there goes on', async () => {
  const batch = writeBatch({ slugs: ['one'] });
  const taken = 'public/blog/news/one.md';
  mkdirSync(join(batch.dir, 'public/blog/news'), { recursive: true });
  writeFileSync(join(batch.dir, taken), 'of a person');
  const held = await cli(['run', batch.file, '--state', batch.state], { cwd: batch.dir });
  expect(held.code, held.stderr).toBe(2);

  const moved = await move(batch);
  rmSync(join(moved, taken));
  const at = { cwd: moved, env: { NIGHTSHIFT_STATE: join(moved, 'state') } };
  const retry = await cli(['retry', 'nightly'], at);
  expect(retry.code, retry.stderr).toBe(78);
  expect(retry.stderr).toContain(`which is not there [folder=${batch.dir}]; was it moved?`);
  expect(existsSync(batch.dir)).toBe(false);

  const run = await cli(['run', join(moved, 'batch.yaml')], at);
  expect(run.code, run.stderr).toBe(0);
  expect(readFileSync(join(moved, taken), 'utf8')).toContain('article one');
  expect(existsSync(batch.dir)).toBe(false);
  expect(readFileSync(join(moved, 'sessions.log'), 'utf8').trim().split('\n')).toHaveLength(1);
});

test('what was approved after a project was moved lands nowhere until the batch is started from its file there', async () => {
  const batch = writeBatch({ slugs: ['one'] });
  const text = readFileSync(batch.file, 'utf8');
  writeFileSync(batch.file, text.replace('use: folder,', 'use: folder, approval: required,'));
  const asks = await cli(['run', batch.file, '--state', batch.state], { cwd: batch.dir });
  expect(asks.code, asks.stderr).toBe(2);

  const moved = await move(batch);
  const at = { cwd: moved, env: { NIGHTSHIFT_STATE: join(moved, 'state') } };
  const doctor = await cli(['doctor'], at);
  expect(doctor.stdout).toContain(`nightly was started from ${batch.dir}, which is not there any more`);
  const approve = await cli(['approve', 'nightly', '--all'], at);
  expect(approve.code, approve.stderr).toBe(0);
  const up = startCli(['up'], at);
  onTestFinished(() => void up.process.kill('SIGKILL'));
  await until('the job has stopped', async () =>
    (await cli(['status', 'nightly'], at)).stdout.includes('was it moved?'),
  );
  expect(existsSync(batch.dir)).toBe(false);

  const run = await cli(['run', join(moved, 'batch.yaml')], at);
  expect(run.code, run.stdout + run.stderr).toBe(0);
  expect(readFileSync(join(moved, 'public/blog/news/one.md'), 'utf8')).toContain('article one');
  expect(existsSync(batch.dir)).toBe(false);
  expect(readFileSync(join(moved, 'sessions.log'), 'utf8').trim().split('\n')).toHaveLength(1);
});

interface Costs {
  readonly sessions: readonly { readonly attempt: number; readonly use: string; readonly reason?: string }[];
}

test('an artifact that was lost is made again, and its first session is counted as wasted', async () => {
  const batch = aBatch('lost', {
    slugs: ['one'],
    before: '[ -e blocked ] || { touch blocked; rm -rf public; echo x > public; }',
  });
  const first = await runJson(batch.file, options);
  expect(first.exit.code, first.exit.stderr).not.toBe(0);
  rmSync(join(batch.dir, 'public'));
  rmSync(join(batch.state, 'artifacts'), { recursive: true });
  const refused = await cli(['retry', 'lost'], options);
  expect(refused.code, refused.stderr).toBe(78);
  expect(refused.stderr).toContain('start it from its file, which stores that again');
  const second = await runJson(batch.file, options);
  expect(second.exit.code, 'what was refused has left the job parked').toBe(2);
  const retried = await cli(['retry', 'lost'], options);
  expect(retried.code, retried.stderr).toBe(0);
  expect(batch.sessions()).toEqual(['one 1', 'one 2']);
  expect(batch.published()).toEqual(['blog/news/one.md']);
  const costs = await cli(['costs', 'lost', '--sessions', '--json'], options);
  expect((JSON.parse(costs.stdout) as Costs).sessions).toMatchObject([
    { attempt: 1, use: 'wasted', reason: 'lost-artifact' },
    { attempt: 2, use: 'useful' },
  ]);
});

test('a cancel that is killed is finished by the next one, and no agent goes on', async () => {
  const batch = aBatch('cancel-killed', {
    slugs: ['one'],
    before:
      'echo $$ >> pids.log; trap "echo told >> told.log" TERM; i=0; while [ $i -lt 300 ]; do i=$((i+1)); sleep 1; done',
  });
  const first = startCli(['run', batch.file], options);
  await until('the job is under way', () => batch.sessions().length === 1);
  first.process.kill('SIGKILL');
  await first.exit;
  const cancel = startCli(['cancel', 'cancel-killed'], options);
  await until('the agent was told to end', () => existsSync(join(batch.dir, 'told.log')));
  cancel.process.kill('SIGKILL');
  await cancel.exit;

  const again = await cli(['cancel', 'cancel-killed'], options);
  expect(again.code, again.stderr).toBe(0);
  const status = await cli(['status', 'cancel-killed', '--json'], options);
  expect(JSON.parse(status.stdout)).toMatchObject({ counts: { parked: 0, cancelled: 1, running: 0 } });
  expect(batch.published()).toEqual([]);
  const pids = readFileSync(join(batch.dir, 'pids.log'), 'utf8').trim().split('\n').map(Number);
  expect(pids).toHaveLength(1);
  expect(pids.filter(isAlive)).toEqual([]);
}, 240_000);

test('a start while the run is being cancelled waits for its end and then does the batch; a detached one says so', async () => {
  const batch = aBatch('cancelling', {
    slugs: ['one'],
    before:
      '[ -e quick ] || { trap "echo told >> told.log; sleep 6; exit 1" TERM; i=0; while [ $i -lt 300 ]; do i=$((i+1)); sleep 1; done; }',
  });
  const first = startCli(['run', batch.file], options);
  await until('the job is under way', () => batch.sessions().length === 1);
  const cancel = startCli(['cancel', 'cancelling'], options);
  await until('the agent was told to end', () => existsSync(join(batch.dir, 'told.log')));
  writeFileSync(join(batch.dir, 'quick'), '');
  const [again, detached] = await Promise.all([
    cli(['run', batch.file], options),
    cli(['run', batch.file, '--detach'], options),
  ]);
  expect(again.code, again.stderr).toBe(0);
  expect(again.stderr).toContain('it is being cancelled, so the batch is started again when it has ended');
  expect(detached.code, detached.stderr).toBe(75);
  expect(detached.stdout).toMatch(/not started: the run of cancelling under way .* is being cancelled/);
  expect((await first.exit).code).toBe(2);
  expect((await cancel.exit).code).toBe(0);
  expect(batch.published()).toHaveLength(1);
  expect(batch.sessions()).toHaveLength(2);
}, 240_000);
