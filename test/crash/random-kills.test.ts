// SIGKILL of worker, engine, and both, at seeded random moments of 20-job batches, each followed by a new start. Counted
// at a service that makes something of every request. NIGHTSHIFT_TEST_SEED replays a run; the long tests kill 300 times.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { jitterOf } from '../../src/policy/jitter.js';
import { MISSED_SOON, runJson, startCli } from '../support/cli.js';
import { slugsOf, tempDir, twice, writeBatch } from '../support/batch.js';
import { rounds } from '../support/rounds.js';
import { effectsAt, startKeyedService } from '../support/servers/keyed-service.js';

const SEED = process.env['NIGHTSHIFT_TEST_SEED'] ?? '2026';
/** Each has three kills. */
const NIGHTS = rounds(7, 100);
/** The engine last: without it a start finds another, and does not end before its batch. */
const ORDERS = [
  ['worker', 'both', 'engine'],
  ['both', 'worker', 'engine'],
] as const;
/** About how long an undisturbed batch takes from start to end: ten of its jobs in each lane, one after another. */
const SPAN_MS = 6000;
/** Long enough to be killed in. */
const ANSWER_MS = 100;

const dir = tempDir('nightshift-kills-');
const state = join(dir, 'state');
const env = MISSED_SOON;
const moments: string[] = [];
let nights = 0;
let hits = 0;

afterAll(() => {
  console.error(`seed ${SEED}: ${moments.join(' ')}`);
  expect(hits, 'kills that met a start under way').toBeGreaterThanOrEqual(2 * nights);
});

test.each(Array.from({ length: NIGHTS }, (_, night) => night))(
  'night %i, killed three times: 20 articles, no duplicate, nothing torn, every agent run counted once',
  async (night) => {
    const service = await startKeyedService();
    onTestFinished(() => service.stop());
    service.before = async () => sleep(ANSWER_MS);
    const name = `night-${night}`;
    const slugs = slugsOf(20, name);
    const batch = writeBatch({
      dir: join(dir, name),
      name,
      work: name,
      slugs,
      seconds: 0.5,
      concurrency: 2,
      effects: effectsAt(service),
    });
    nights++;

    for (const [at, victim] of (ORDERS[night % ORDERS.length] ?? ORDERS[0]).entries()) {
      const momentMs = Math.round(jitterOf(`${SEED}:${night}:${at}`) * SPAN_MS);
      const start = startCli(['run', batch.file, '--state', state], { cwd: batch.dir, env });
      await Promise.race([sleep(momentMs), start.exit]);
      const isLate = start.process.exitCode !== null;
      moments.push(`${victim}@${momentMs}ms${isLate ? ' (late)' : ''}`);
      if (!isLate) {
        hits++;
        if (victim !== 'worker') killEngine();
        if (victim !== 'engine') start.process.kill('SIGKILL');
      }
      await start.exit;
    }

    const { exit, report } = await runJson(batch.file, { cwd: batch.dir, state, env });
    expect(exit.code, exit.stderr).toBe(0);
    expect(report.counts.done + report.counts.adopted).toBe(20);
    expect(twice(service.posts), 'something was sent twice').toEqual([]);
    expect([...service.texts].sort()).toEqual(slugs.map((slug) => `article ${slug}\ntitle About ${slug}`));
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
