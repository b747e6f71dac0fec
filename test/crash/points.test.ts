// A worker dies by SIGKILL at each named point between two lines of runAgent and publish; then the batch is simply
// started again. Counted at the destination, a service that makes something of every request, and by the agent's own log.
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { CRASH_POINTS, type CrashPoint } from '../../src/activities/crash-points.js';
import { NOT_IN_A_BATCH, NOT_OF_A_PROGRAM } from '../support/crash-points.js';
import { MISSED_SOON, cli, runJson, startNode } from '../support/cli.js';
import { tempDir, twice, writeBatch } from '../support/batch.js';
import { effectsAt, startKeyedService } from '../support/servers/keyed-service.js';

const FIXTURE = fileURLToPath(new URL('./fixtures/worker-that-dies.mjs', import.meta.url));

/** Not reached by a first start. */
const LATER: ReadonlySet<CrashPoint> = new Set(['E14', 'E15', 'E16']);

// One state directory, so one engine, for all cells; each cell has a kind of work of its own.
const dir = tempDir('nightshift-points-');
const state = `${dir}/state`;
const env = MISSED_SOON;

describe('a worker killed at a named point, and a second start', () => {
  const points = (Object.keys(CRASH_POINTS) as CrashPoint[]).filter(
    (point) => !NOT_IN_A_BATCH.has(point) && !NOT_OF_A_PROGRAM.has(point) && !LATER.has(point),
  );

  test.each(points)('%s: every effect lands once and no session is paid twice', async (point) => {
    const name = `at-${point.toLowerCase()}`;
    const service = await startKeyedService();
    onTestFinished(() => service.stop());
    const batch = writeBatch({
      dir: `${dir}/${name}`,
      name,
      work: name,
      slugs: ['one', 'two'],
      concurrency: 1,
      effects: effectsAt(service),
    });

    const died = await startNode([FIXTURE, batch.file, state, point], { cwd: batch.dir, env }).exit;
    expect(died.signal, died.stderr).toBe('SIGKILL');

    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(exit.code, exit.stderr).toBe(0);
    expect(report.batch.result).toBe('completed');
    expect(twice(service.posts)).toEqual([]);
    expect([...service.texts].sort()).toEqual([
      'article one\ntitle About one',
      'article two\ntitle About two',
    ]);
    expect(batch.sessions().sort()).toEqual(['one 1', 'two 1']);
    expect(report.sessions.wasted).toBe(0);
    expect(report.jobs.flatMap(({ effects }) => effects.map((effect) => effect.state))).toEqual([
      'landed',
      'landed',
    ]);
  });
});

test('E14: killed before an update, the file is updated once by the next start', async () => {
  const at = { dir: `${dir}/at-e14`, name: 'at-e14', work: 'at-e14', slugs: ['one'] };
  await runJson(writeBatch(at).file, { cwd: at.dir, state, env });
  const batch = writeBatch({ ...at, revision: () => 2, title: () => 'A second look' });
  const died = await startNode([FIXTURE, batch.file, state, 'E14'], { cwd: batch.dir, env }).exit;
  expect(died.signal, died.stderr).toBe('SIGKILL');
  const { exit } = await runJson(batch.file, { cwd: batch.dir, state, env });
  expect(exit.code, exit.stderr).toBe(0);
  expect(batch.published()).toEqual(['blog/news/one.md']);
  expect(batch.read('blog/news/one.md')).toBe('article one\ntitle A second look');
  expect(batch.sessions()).toEqual(['one 1', 'one 2']);
});

test.each<CrashPoint>(['E15', 'E16'])(
  '%s: killed while taking back, the next call goes on',
  async (point) => {
    const name = `at-${point.toLowerCase()}`;
    const batch = writeBatch({ dir: `${dir}/${name}`, name, work: name, slugs: ['one', 'two'] });
    const { report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    const key = report.jobs.find(({ identity }) => identity['slug'] === 'one')?.key ?? '';
    const died = await startNode([FIXTURE, batch.file, state, point, key], { cwd: batch.dir, env }).exit;
    expect(died.signal, died.stderr).toBe('SIGKILL');
    const taken = await cli(['unpublish', name, '--job', key, '--state', state], { cwd: batch.dir });
    expect(taken.code, taken.stderr).toBe(0);
    expect(batch.published()).toEqual(['blog/news/two.md']);
    expect((await cli(['ledger', 'verify', name, '--state', state], { cwd: batch.dir })).code).toBe(0);
  },
);
