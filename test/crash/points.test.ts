// A worker dies by SIGKILL at each named point between two lines of runAgent and publish; then the batch is simply
// started again. Counted at the destination and by the agent's own log.
import { describe, expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { CRASH_POINTS, type CrashPoint } from '../../src/activities/crash-points.js';
import { runJson, startNode } from '../support/cli.js';
import { tempDir, writeBatch } from '../support/batch.js';

const FIXTURE = fileURLToPath(new URL('./fixtures/worker-that-dies.mjs', import.meta.url));

/** Not reached with a folder and a command: a folder hides nothing. */
const ELSEWHERE: ReadonlySet<CrashPoint> = new Set(['E8']);

// One state directory, so one engine, for all cells; each cell has a kind of work of its own.
const dir = tempDir('nightshift-points-');
const state = `${dir}/state`;

describe('a worker killed at a named point, and a second start', () => {
  const points = (Object.keys(CRASH_POINTS) as CrashPoint[]).filter((point) => !ELSEWHERE.has(point));

  test.each(points)('%s: every effect lands once and no session is paid twice', async (point) => {
    const name = `at-${point.toLowerCase()}`;
    const batch = writeBatch({
      dir: `${dir}/${name}`,
      name,
      work: name,
      slugs: ['one', 'two'],
      concurrency: 1,
    });

    const died = await startNode([FIXTURE, batch.file, state, point], { cwd: batch.dir }).exit;
    expect(died.signal, died.stderr).toBe('SIGKILL');

    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state });
    expect(exit.code, exit.stderr).toBe(0);
    expect(report.batch.result).toBe('completed');
    expect(batch.published()).toEqual(['blog/news/one.md', 'blog/news/two.md']);
    expect(batch.read('blog/news/one.md')).toBe('article one\ntitle About one');
    expect(batch.sessions().sort()).toEqual(['one 1', 'two 1']);
    expect(report.sessions.wasted).toBe(0);
    expect(report.jobs.flatMap(({ effects }) => effects.map((effect) => effect.state))).toEqual([
      'landed',
      'landed',
    ]);
  });
});
