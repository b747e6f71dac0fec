/**
 * Runs a batch of each shape and keeps the histories of its Workflows for the replay test, in
 * test/replay/histories/LABEL. Run after a build, under a new label, when the shape of a Workflow has changed; keep
 * the folders of earlier labels for as long as batches that were started by that code may still run.
 * Usage: node scripts/record-histories.mjs [LABEL]   (the version in package.json, unless given)
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { createJiti } from 'jiti';
import { jobKey } from '../dist/index.js';

const jiti = createJiti(import.meta.url);
const { slugsOf, tempDir, writeBatch } = await jiti.import('../test/support/batch.ts');
const { cli, startCli, until } = await jiti.import('../test/support/cli.ts');
const { runningBatch, withEngine } = await jiti.import('../test/support/engine.ts');

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const [label = version] = process.argv.slice(2);
const folder = fileURLToPath(new URL(`../test/replay/histories/${label}/`, import.meta.url));
/** Beyond, a history is kept compressed. */
const PLAIN_BYTES_MAX = 100_000;

const root = tempDir('nightshift-record-');
const state = join(root, 'state');
const batchOf = (name, options) =>
  writeBatch({ name, work: name, dir: join(root, name), seconds: 0, ...options });
const run = (batch) => startCli(['run', batch.file, '--state', state, '--json'], { cwd: batch.dir });
const ask = (verb, name) => cli([verb, name, '--state', state], { cwd: root });
const onBatch = (name, use) =>
  withEngine(state, async (client) => use(client.workflow.getHandle(await runningBatch(client, name))));

/** Ends when it has ended with that exit code. */
async function ended(running, code) {
  const exit = await running.exit;
  if (exit.code !== code) throw new Error(`exit code ${exit.code} instead of ${code}:\n${exit.stderr}`);
  return JSON.parse(exit.stdout);
}

async function keep(name, workflowId, runId) {
  await withEngine(state, async (client) => {
    const history = JSON.parse(
      historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory()),
      withoutPlaces,
    );
    const text = JSON.stringify({ workflowId, history });
    if (text.length > PLAIN_BYTES_MAX)
      writeFileSync(`${folder}${name}.json.gz`, gzipSync(text, { level: 9 }));
    else writeFileSync(`${folder}${name}.json`, `${text}\n`);
    console.error(`${name}: ${history.events.length} events, ${text.length} bytes`);
  });
}
/** Where and by which process a history was made says nothing about its shape. */
const withoutPlaces = (name, value) => (name === 'stackTrace' ? '' : name === 'identity' ? 'worker' : value);
const keepBatch = (name, { batch }) => keep(name, batch.workflowId, batch.runId);
const keepJob = (name, work, slug) =>
  keep(name, `job:${work}:${jobKey({ site: 'blog', category: 'news', slug })}`);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

{
  const batch = batchOf('completed', { slugs: slugsOf(3), concurrency: 2 });
  await keepBatch('batch-completed', await ended(run(batch), 0));
  await keepJob('job-done', 'completed', 'job-01');

  batchOf('completed', { slugs: slugsOf(3), revision: () => 2, title: (slug) => `More about ${slug}` });
  await keepBatch('batch-reopened', await ended(run(batch), 0));
  await keepJob('job-updated-by-revision', 'completed', 'job-01');
}
{
  const batch = batchOf('parked', { slugs: ['good', 'bad'], before: '[ "$slug" = bad ] && exit 65' });
  await keepBatch('batch-incomplete', await ended(run(batch), 2));
  await keepJob('job-parked', 'parked', 'bad');
}
{
  const batch = batchOf('gated', { slugs: slugsOf(3), concurrency: 1, before: 'exit 78' });
  await keepBatch('batch-stopped-by-config', await ended(run(batch), 78));
  await keepJob('job-gated', 'gated', 'job-01');
}
{
  const batch = batchOf('paused', { slugs: slugsOf(3), concurrency: 2, seconds: 3 });
  const running = run(batch);
  await until('two run', () => batch.sessions().length === 2);
  await ask('pause', 'paused');
  await new Promise((resolve) => setTimeout(resolve, 4000));
  await ask('resume', 'paused');
  await keepBatch('batch-paused-resumed', await ended(running, 0));
  await keepJob('job-paused-resumed', 'paused', 'job-01');
}
{
  const batch = batchOf('cancelled', { slugs: slugsOf(3), concurrency: 2, seconds: 5 });
  const running = run(batch);
  await until('two run', () => batch.sessions().length === 2);
  await ask('cancel', 'cancelled');
  await keepBatch('batch-cancelled', await ended(running, 2));
  await keepJob('job-cancelled', 'cancelled', 'job-01');
}
{
  const batch = batchOf('killed', { slugs: slugsOf(3), concurrency: 2, seconds: 2 });
  const killed = run(batch);
  await until('two run', () => batch.sessions().length === 2);
  killed.process.kill('SIGKILL');
  await killed.exit;
  await keepBatch('batch-killed-worker', await ended(run(batch), 0));
  await keepJob('job-killed-worker', 'killed', 'job-01');
}
{
  const before = '[ "$slug" = bad ] && { [ -e fixed ] || exit 65; }';
  const batch = batchOf('steered', { slugs: ['bad', ...slugsOf(2)], concurrency: 2, seconds: 3, before });
  const running = run(batch);
  const parked = async () => (await onBatch('steered', (handle) => handle.query('progress'))).parked === 1;
  await until('one runs', () => batch.sessions().length > 0);
  await until('one is parked', parked);
  writeFileSync(join(batch.dir, 'fixed'), '');
  await onBatch('steered', async (handle) => {
    await handle.executeUpdate('setConcurrency', { args: [3] });
    await handle.executeUpdate('retryJob', { args: [{ by: 'test' }] });
  });
  await keepBatch('batch-retried-and-widened', await ended(running, 0));
}
{
  const owner = batchOf('owner', { slugs: slugsOf(2), concurrency: 2, seconds: 3, work: 'shared' });
  const joiner = batchOf('joiner', { slugs: [...slugsOf(2), 'own'], concurrency: 3, work: 'shared' });
  const first = run(owner);
  await until('two run', () => owner.sessions().length === 2);
  const second = run(joiner);
  await ended(first, 0);
  await keepBatch('batch-joined', await ended(second, 0));
  await keepJob('job-joined', 'shared', 'job-01');
}
{
  const batch = batchOf('sharded', { slugs: slugsOf(401), concurrency: 30 });
  const report = await ended(run(batch), 0);
  await keepBatch('batch-sharded', report);
  await keep('shard-completed', `${report.batch.workflowId}:shard:1`);
}
{
  const before = '[ -e mended ] || exit 65';
  const batch = batchOf('canary', { slugs: slugsOf(401), concurrency: 30, before });
  writeFileSync(batch.file, `${readFileSync(batch.file, 'utf8')}canary: 2\n`);
  await ended(run(batch), 75);
  writeFileSync(join(batch.dir, 'mended'), '');
  await ask('resume', 'canary');
  const report = await ended(run(batch), 2);
  await keepBatch('batch-canary', report);
  await keep('shard-canary', `${report.batch.workflowId}:shard:0`);
}
{
  // Failures in both shards, which are asked for what they have not told.
  const batch = batchOf('lossy', { slugs: slugsOf(401), concurrency: 30, before: 'sleep 1; exit 65' });
  writeFileSync(batch.file, `${readFileSync(batch.file, 'utf8')}stopLoss: [{ class: any, count: 20 }]\n`);
  const report = await ended(run(batch), 75);
  await ask('cancel', 'lossy');
  await keepBatch('batch-stop-loss', report);
  await keep('shard-stop-loss', `${report.batch.workflowId}:shard:0`);
}
{
  // Nights: by their schedule, one that waits for another, and several that are asked for at once.
  const batch = batchOf('nights', { slugs: slugsOf(1), before: 'while [ ! -e go ]; do sleep 0.1; done' });
  batchOf('later', { slugs: slugsOf(1) });
  const text = readFileSync(batch.file, 'utf8');
  writeFileSync(
    batch.file,
    text
      .replace('jobs:', 'identity: [site, category, slug, edition]\njobs:')
      .replace('{{ slug }}', '{{ slug }}-{{ edition }}'),
  );
  const schedules = join(batch.dir, 'schedules.yaml');
  writeFileSync(
    schedules,
    'timeZone: Europe/Berlin\nschedules:\n' +
      '  - { name: nights, batch: ./batch.yaml, when: { at: "02:30" }, overlap: queue, staleAfter: 9000h }\n' +
      '  - { name: later, batch: ../later/batch.yaml, when: { at: "02:30" }, staleAfter: 9000h, after: { schedule: nights } }\n',
  );
  const host = startCli(['worker', '--state', state], { cwd: batch.dir });
  const night = (verb, ...words) => cli(['schedule', verb, ...words, '--state', state], { cwd: batch.dir });
  const applied = await night('apply', schedules);
  if (applied.code !== 0) throw new Error(applied.stderr);
  const due = (day, name = 'nights') =>
    withEngine(state, (client) =>
      client.schedule.getHandle(`nightly:${name}`).backfill({
        start: new Date(`2026-11-${day}T00:00:00Z`),
        end: new Date(`2026-11-${day}T12:00:00Z`),
        overlap: 'ALLOW_ALL',
      }),
    );
  const runsOf = (query) =>
    withEngine(state, async (client) => {
      const found = [];
      for await (const { workflowId, status } of client.workflow.list({ query }))
        found.push([workflowId, status.name]);
      return found;
    });
  const completed = (count) => async () =>
    (await runsOf("WorkflowType='nightly' AND ExecutionStatus='Completed'")).length === count;
  await due(10);
  await until('the first night is started', completed(1));
  await due(11);
  await until('the second night waits', async () => {
    const { stdout } = await night('status', 'nights');
    return stdout.includes('queued');
  });
  writeFileSync(join(batch.dir, 'go'), '');
  await until('both nights are started', completed(2));
  const byDay = (day) => (id) => id.includes(`2026-11-${day}`);
  const ids = (await runsOf("WorkflowType='nightly'")).map(([id]) => id);
  await keep('nightly-started', ids.find(byDay(10)));
  await keep('nightly-queued', ids.find(byDay(11)));
  await until('both nights are done', async () => {
    const done = "WorkflowType='batch' AND NightshiftBatch='nights' AND ExecutionStatus='Completed'";
    return (await runsOf(done)).length === 2;
  });
  rmSync(join(batch.dir, 'go'));
  await due(14);
  await until('the night before it is begun', completed(3)); // nobody waits for one of before the schedule was applied
  await due(14, 'later');
  await until('the night that comes after waits', async () => {
    const { stdout } = await night('status', 'later');
    return stdout.includes('queued');
  });
  writeFileSync(join(batch.dir, 'go'), '');
  await until('both are started', completed(4));
  const [[after]] = await runsOf("WorkflowType='nightly' AND WorkflowId STARTS_WITH 'nightly:later'");
  await keep('nightly-after', after);
  const asked = await night('backfill', 'nights', '--from', '2026-11-11', '--to', '2026-11-13', '--json');
  if (asked.code !== 0) throw new Error(asked.stderr);
  await keep('nightly-asked', JSON.parse(asked.stdout).workflowId);
  host.process.kill('SIGTERM');
  await host.exit;
}
