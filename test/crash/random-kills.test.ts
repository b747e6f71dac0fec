// SIGKILL of worker, engine, and both, at seeded random moments of a 20-job batch, each followed by a new start.
// NIGHTSHIFT_TEST_SEED replays a run; NIGHTSHIFT_TEST_ROUNDS makes it longer.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { jitterOf } from '../../src/policy/jitter.js';
import { runJson, startCli } from '../support/cli.js';
import { slugsOf, tempDir, twice, writeBatch } from '../support/batch.js';

const SEED = process.env['NIGHTSHIFT_TEST_SEED'] ?? '2026';
const ROUNDS = Number(process.env['NIGHTSHIFT_TEST_ROUNDS'] ?? 30);
const VICTIMS = ['worker', 'engine', 'both'] as const;
/** About how long an undisturbed batch takes from start to end. */
const SPAN_MS = 5000;

const dir = tempDir('nightshift-kills-');
const state = join(dir, 'state');
const moments: string[] = [];

afterAll(() => console.error(`seed ${SEED}: ${moments.join(' ')}`));

test.each(
  Array.from({ length: ROUNDS }, (_, round) => [round, VICTIMS[round % VICTIMS.length] ?? 'both'] as const),
)(
  'round %i, %s killed: 20 files, no duplicate, nothing torn, every agent run counted once',
  async (round, victim) => {
    const work = `round-${round}`;
    const slugs = slugsOf(20, work);
    const batch = writeBatch({ dir: join(dir, work), name: work, work, slugs, seconds: 0.3, concurrency: 4 });
    const momentMs = Math.round(jitterOf(`${SEED}:${round}`) * SPAN_MS);
    moments.push(`${victim}@${momentMs}ms`);

    const first = startCli(['run', batch.file, '--state', state], { cwd: batch.dir });
    await new Promise((resolve) => setTimeout(resolve, momentMs));
    if (victim !== 'worker') killEngine();
    if (victim !== 'engine') first.process.kill('SIGKILL');
    if (victim === 'engine') await first.exit; // it finds the engine again and goes on by itself

    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state });
    expect(exit.code, exit.stderr).toBe(0);
    expect(report.counts.done + report.counts.adopted).toBe(20);
    expect(batch.published()).toEqual(slugs.map((slug) => `blog/news/${slug}.md`));
    for (const slug of slugs) {
      expect(batch.read(`blog/news/${slug}.md`)).toBe(`article ${slug}\ntitle About ${slug}`);
    }
    expect(twice(batch.sessions()), 'a paid attempt was made twice').toEqual([]);
    expect(batch.sessions(), 'a session was wasted').toHaveLength(20);
  },
  180_000,
);

/** Kills the server of this test's state directory, and nothing else. */
function killEngine(): void {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const words = commandLine(Number(name));
    const isServer = words.includes('start-dev') && words.some((word) => word.startsWith(state));
    if (isServer) process.kill(Number(name), 'SIGKILL');
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
