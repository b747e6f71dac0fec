// What happens when a batch is started again after something changed: the input, the histories, the ledger.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli, runJson, startCli, until } from '../support/cli.js';
import { slugsOf, tempDir, writeBatch, type TestBatch } from '../support/batch.js';

/** For tests that wait until an engine that nobody uses has stopped. */
const SOON_IDLE = { NIGHTSHIFT_ENGINE_IDLE_SECONDS: '1' };

test('a job edited after it was done is a conflict with both fingerprints; a higher revision updates the same file', async () => {
  const slugs = ['one', 'two'];
  const batch = writeBatch({ slugs });
  const options = { cwd: batch.dir, state: batch.state };
  const first = await runJson(batch.file, options);
  expect(first.exit.code, first.exit.stderr).toBe(0);

  writeBatch({ slugs, dir: batch.dir, title: (slug) => (slug === 'two' ? 'Edited' : `About ${slug}`) });
  const edited = await runJson(batch.file, options);
  expect(edited.exit.code).toBe(2);
  expect(edited.report.counts).toMatchObject({ jobs: 2, done: 0, adopted: 1, held: 1 });
  const held = edited.report.jobs.find(({ identity }) => identity['slug'] === 'two');
  expect(held).toMatchObject({ state: 'held', error: { class: 'conflict' } });
  expect(held?.error?.message.match(/[0-9a-f]{12}/g)).toHaveLength(2);
  expect(batch.read('blog/news/two.md')).toContain('About two');
  expect(batch.sessions()).toHaveLength(2);

  writeBatch({
    slugs,
    dir: batch.dir,
    title: (slug) => (slug === 'two' ? 'Edited' : `About ${slug}`),
    revision: (slug) => (slug === 'two' ? 2 : 1),
  });
  const raised = await runJson(batch.file, options);
  expect(raised.exit.code, raised.exit.stderr).toBe(0);
  expect(raised.report.counts).toMatchObject({ done: 1, adopted: 1 });
  expect(batch.published()).toEqual(['blog/news/one.md', 'blog/news/two.md']);
  expect(batch.read('blog/news/two.md')).toContain('Edited');
  expect(batch.sessions()).toHaveLength(3);
});

test('an unfinished batch started again is under way at once, also while no worker lives', async () => {
  const batch = writeBatch({
    slugs: ['bad', 'good'],
    before: '[ "$slug" = bad ] && [ ! -e fixed ] && exit 65',
  });
  const at = { cwd: batch.dir };
  const nightshift = (...words: string[]) => cli([...words, '--state', batch.state, '--json'], at);
  expect((await nightshift('run', batch.file)).code).toBe(2);
  writeFileSync(join(batch.dir, 'fixed'), '');
  const detached = await nightshift('run', batch.file, '--detach');
  expect(detached.code, detached.stderr).toBe(0);

  const status = await nightshift('status', 'nightly');
  expect(JSON.parse(status.stdout), status.stderr).toMatchObject({ batch: { state: 'running' } });
  expect(status.code).toBe(0);
  const cancelled = await nightshift('cancel', '--all');
  expect(JSON.parse(cancelled.stdout), cancelled.stderr).toMatchObject({ batches: [{ answer: 'answered' }] });
  expect(JSON.parse((await nightshift('status', 'nightly')).stdout)).toMatchObject({
    batch: { state: 'cancelled' },
  });
});

test('histories deleted: starting again does nothing, for the ledger remembers', async () => {
  const batch = writeBatch({ slugs: slugsOf(3) });
  const options = { cwd: batch.dir, state: batch.state, env: SOON_IDLE };
  await runJson(batch.file, options);
  await until('the engine has stopped', () => !existsSync(join(batch.state, 'engine', 'engine.json')));
  rmSync(join(batch.state, 'engine'), { recursive: true });

  const again = await runJson(batch.file, options);
  expect(again.exit.code).toBe(0);
  expect(again.report).toMatchObject({ batch: { result: 'already-completed' }, sessions: { started: 0 } });

  // A batch of another name with the same jobs has no history either, and runs through the engine.
  const other = writeBatch({ slugs: slugsOf(3), dir: batch.dir, name: 'other', file: 'other' });
  const third = await runJson(other.file, options);
  expect(third.exit.code, third.exit.stderr).toBe(0);
  expect(third.report.counts).toMatchObject({ done: 0, adopted: 3 });
  expect(batch.sessions()).toHaveLength(3);
});

test.each(['ledger', 'whole state'])(
  '%s deleted: the destination is asked, and nothing is sent or paid again',
  async (what) => {
    const batch = writeBatch({ slugs: slugsOf(3) });
    const options = { cwd: batch.dir, state: batch.state, env: SOON_IDLE };
    await runJson(batch.file, options);
    await until('the engine has stopped', () => !existsSync(join(batch.state, 'engine', 'engine.json')));
    if (what === 'ledger') {
      for (const suffix of ['', '-wal', '-shm'])
        rmSync(join(batch.state, `ledger.db${suffix}`), { force: true });
    } else {
      rmSync(batch.state, { recursive: true });
    }
    const before = batch.published().map((path) => batch.read(path));

    const again = await runJson(batch.file, options);
    expect(again.exit.code, again.exit.stderr).toBe(0);
    expect(again.report).toMatchObject({
      counts: { jobs: 3, parked: 0, held: 0 },
      sessions: { started: 0 },
      effects: { landed: 0, adopted: 3 },
    });
    expect(batch.sessions()).toHaveLength(3);
    expect(batch.published().map((path) => batch.read(path))).toEqual(before);
    expect(
      again.exit.stderr.match(/the ledger is gone/g) ?? [],
      'said, where something is left to tell by',
    ).toHaveLength(what === 'ledger' ? 1 : 0);
    const receipts = again.report.jobs.flatMap(({ effects }) => effects.map(({ state }) => state));
    expect(receipts).toEqual(['landed', 'landed', 'landed']);
  },
);

test("somebody else's file of the wished name is left alone, and the job is held before anything is paid", async () => {
  const batch = writeBatch({ slugs: ['one', 'two'] });
  const foreign = join(batch.dir, 'public/blog/news/one.md');

  mkdirSync(join(batch.dir, 'public/blog/news'), { recursive: true });
  writeFileSync(foreign, 'written by hand');

  const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state: batch.state });
  expect(exit.code).toBe(2);
  expect(report.counts).toMatchObject({ done: 1, held: 1 });
  expect(report.effects).toMatchObject({ landed: 1, held: 1 });
  expect(readFileSync(foreign, 'utf8')).toBe('written by hand');
  expect(batch.sessions()).toEqual(['two 1']);
});

test('two batches that share jobs run each shared job once, at the same time and one after another', async () => {
  const shared = slugsOf(6, 'shared');
  const first = writeBatch({
    slugs: [...shared, 'only-a'],
    name: 'batch-a',
    file: 'a',
    seconds: 0.4,
    concurrency: 3,
  });
  const second = writeBatch({
    slugs: ['only-b', ...shared],
    name: 'batch-b',
    file: 'b',
    dir: first.dir,
    seconds: 0.4,
    concurrency: 3,
  });
  const options = { cwd: first.dir, state: first.state };
  const both = await Promise.all([runJson(first.file, options), runJson(second.file, options)]);
  expect(both.map(({ exit }) => exit.code)).toEqual([0, 0]);
  const finished = both.map(({ report }) => report.counts);
  expect(finished.map(({ done, adopted }) => done + adopted)).toEqual([7, 7]);
  expect(finished.reduce((sum, { done }) => sum + done, 0)).toBe(8);
  expect([...new Set(first.sessions())]).toHaveLength(8);
  expect(first.sessions()).toHaveLength(8);
  expect(first.published()).toHaveLength(8);

  const third = writeBatch({ slugs: [...shared, 'only-c'], name: 'batch-c', file: 'c', dir: first.dir });
  const after = await runJson(third.file, options);
  expect(after.report.counts).toMatchObject({ jobs: 7, done: 1, adopted: 6 });
  expect(first.sessions()).toHaveLength(9);
});

test('a batch whose owner was terminated goes on: its jobs are adopted by the next start', async () => {
  const batch = writeBatch({ slugs: slugsOf(4), seconds: 1.5, concurrency: 4 });
  const options = { cwd: batch.dir, state: batch.state };
  const first = startCli(['run', batch.file, '--state', batch.state, '--json'], options);
  await until('all are under way', () => batch.sessions().length === 4);
  await terminate(batch.state);
  await first.exit;

  const again = await runJson(batch.file, options);
  expect(again.exit.code, again.exit.stderr).toBe(0);
  expect(batch.sessions()).toHaveLength(4);
  expect(batch.published()).toHaveLength(4);
});

/** Ends the running batch the hard way, as somebody might in the Web UI. */
async function terminate(state: string): Promise<void> {
  const { Client, Connection } = await import('@temporalio/client');
  const { address } = JSON.parse(readFileSync(join(state, 'engine', 'engine.json'), 'utf8')) as {
    address: string;
  };
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  for await (const { workflowId } of client.workflow.list({
    query: "WorkflowType='batch' AND ExecutionStatus='Running'",
  })) {
    await client.workflow.getHandle(workflowId).terminate('test');
  }
  await connection.close();
}

test('a batch that is half done goes on in another folder, from a backup of its ledger and artifacts', async () => {
  const slugs = slugsOf(4);
  const old = writeBatch({
    slugs,
    concurrency: 1,
    before: 'while [ "$slug" = job-02 ] && [ ! -e go ]; do sleep 0.05; done',
  });
  const backup = join(old.dir, 'moving.db');
  const artifacts = join(old.dir, 'moving');
  const nightshift = (at: TestBatch, ...words: string[]) =>
    cli([...words, '--state', at.state], { cwd: at.dir, env: SOON_IDLE });

  const running = startCli(['run', old.file, '--state', old.state], { cwd: old.dir, env: SOON_IDLE });
  await until('the second agent is at work', () => old.sessions().length === 2);
  expect((await nightshift(old, 'pause', 'nightly', '--level', 'admit')).code).toBe(0);
  writeFileSync(join(old.dir, 'go'), '');
  await until('no job is under way', async () => {
    const { stdout } = await nightshift(old, 'status', 'nightly', '--json');
    return (JSON.parse(stdout) as { readonly active: readonly unknown[] }).active.length === 0;
  });
  running.process.kill('SIGINT');
  await running.exit;
  await until('the engine has stopped', () => !existsSync(join(old.state, 'engine', 'engine.json')));
  expect((await nightshift(old, 'ledger', 'backup', backup, '--artifacts', artifacts)).code).toBe(0);

  // The other machine: the project at another path, what it has published, and its keys.
  const dir = join(tempDir(), 'elsewhere');
  cpSync(old.dir, dir, { recursive: true, filter: (path) => path !== old.state });
  cpSync(join(old.state, 'keys'), join(dir, 'state', 'keys'), { recursive: true });
  rmSync(old.dir, { recursive: true });
  const moved = writeBatch({ slugs, concurrency: 1, dir });
  const restored = await nightshift(
    moved,
    'ledger',
    'restore',
    join(dir, 'moving.db'),
    '--artifacts',
    join(dir, 'moving'),
  );
  expect(restored.code, restored.stderr).toBe(0);
  const { exit, report } = await runJson(moved.file, { cwd: dir, state: moved.state });
  expect(exit.code, exit.stderr).toBe(0);
  expect(report.counts).toMatchObject({ adopted: 2, done: 2 });
  expect(moved.published()).toEqual(slugs.map((slug) => `blog/news/${slug}.md`));
  expect(moved.sessions().map((line) => line.split(' ')[0])).toEqual(slugs);
  expect((await nightshift(moved, 'ledger', 'verify', 'nightly')).code).toBe(0);
});
