// SIGKILL of worker, engine, and both, at 30 seeded random moments of 20-job batches, each followed by a new start.
// NIGHTSHIFT_TEST_SEED replays a run; the long tests kill 300 times.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { jitterOf } from '../../src/policy/jitter.js';
import { MISSED_SOON, runJson, startCli } from '../support/cli.js';
import { slugsOf, tempDir, twice, writeBatch } from '../support/batch.js';
import { rounds } from '../support/rounds.js';

const SEED = process.env['NIGHTSHIFT_TEST_SEED'] ?? '2026';
/** Each has three kills, every time in another order. */
const NIGHTS = rounds(10, 100);
const VICTIMS = ['worker', 'engine', 'both'] as const;
/** About how long an undisturbed batch takes from start to end. */
const SPAN_MS = 6000;

const dir = tempDir('nightshift-kills-');
const state = join(dir, 'state');
const env = MISSED_SOON;
const moments: string[] = [];

afterAll(() => console.error(`seed ${SEED}: ${moments.join(' ')}`));

test.each(Array.from({ length: NIGHTS }, (_, night) => night))(
  'night %i, killed three times: 20 files, no duplicate, nothing torn, every agent run counted once',
  async (night) => {
    const work = `night-${night}`;
    const slugs = slugsOf(20, work);
    const batch = writeBatch({ dir: join(dir, work), name: work, work, slugs, seconds: 0.3, concurrency: 2 });

    for (const at of [0, 1, 2]) {
      const victim = VICTIMS[(night + at) % VICTIMS.length] ?? 'both';
      const momentMs = Math.round(jitterOf(`${SEED}:${night}:${at}`) * SPAN_MS);
      moments.push(`${victim}@${momentMs}ms`);
      const start = startCli(['run', batch.file, '--state', state], { cwd: batch.dir, env });
      await new Promise((resolve) => setTimeout(resolve, momentMs));
      if (victim !== 'worker') killEngine();
      if (victim !== 'engine') start.process.kill('SIGKILL');
      await start.exit; // without its engine it finds another and goes on by itself
    }

    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(exit.code, exit.stderr).toBe(0);
    expect(report.counts.done + report.counts.adopted).toBe(20);
    expect(batch.published()).toEqual(slugs.map((slug) => `blog/news/${slug}.md`));
    for (const slug of slugs) {
      expect(batch.read(`blog/news/${slug}.md`)).toBe(`article ${slug}\ntitle About ${slug}`);
    }
    expect(twice(batch.sessions()), 'a paid attempt was made twice').toEqual([]);
    expect(batch.sessions(), 'a session was wasted').toHaveLength(20);
  },
  300_000,
);

/** Kills the server of this test's state directory, and nothing else. */
function killEngine(): void {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const words = commandLine(Number(name));
    const isServer = words.includes('start-dev') && words.some((word) => word.startsWith(state));
    if (isServer) killHard(Number(name));
  }
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has just ended by itself
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
