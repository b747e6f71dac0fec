// Many processes start one batch in the same moment: one run, all joined, all told the same.
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/contract/result.js';
import { startCli, until, type Exit } from '../support/cli.js';
import { slugsOf, writeBatch } from '../support/batch.js';
import { rounds } from '../support/rounds.js';

const PROCESSES = rounds(50, 100);
const GIB = 1024 ** 3;
/** For each process, its share of engine and worker with it. */
const GIB_EACH_MAX = 0.12;

test(`${PROCESSES} processes starting the same batch at once make one run, exit alike and leave nothing behind`, async () => {
  const batch = writeBatch({ slugs: slugsOf(10), seconds: 1, concurrency: 2 });
  const env = { NIGHTSHIFT_ENGINE_IDLE_SECONDS: '5' };
  const running = Array.from({ length: PROCESSES }, () =>
    startCli(['run', batch.file, '--state', batch.state, '--json'], { cwd: batch.dir, env }),
  );
  let memoryMax = 0;
  const meter = setInterval(() => (memoryMax = Math.max(memoryMax, memoryOf(batch.state))), 500);
  const exits = await Promise.all(running.map(({ exit }) => exit));
  clearInterval(meter);

  expect(
    exits.map(({ code }) => code).filter((code) => code !== 0),
    worst(exits),
  ).toEqual([]);
  const reports = exits.map(({ stdout }) => JSON.parse(stdout) as RunReport);
  expect(new Set(reports.map(({ batch: { runId } }) => runId)).size).toBe(1);
  expect(batch.sessions()).toHaveLength(10);
  expect(batch.published()).toHaveLength(10);
  // Those that came when all was done say so; all others say which run they started or joined.
  const said = exits.map(({ stderr }) => /^(started|joined|already completed)/m.exec(stderr)?.[1]);
  expect(said.filter((word) => word === 'started')).toHaveLength(1);
  expect(said.filter((word) => word === undefined)).toEqual([]);
  expect(memoryMax / GIB).toBeLessThan(PROCESSES * GIB_EACH_MAX);
  console.error(`together at most ${(memoryMax / GIB).toFixed(1)} GiB`);

  await until('engine and workers are gone', () => processesOf(batch.state).length === 0, 60_000);
}, 600_000);

const worst = (exits: readonly Exit[]): string => exits.find(({ code }) => code !== 0)?.stderr ?? '';

/** Processes whose command line names the state directory: starts, keeper, engine. */
function processesOf(state: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && readProc(pid, 'cmdline').includes(state));
}

/** Proportional memory: pages shared by several processes are counted once. */
function memoryOf(state: string): number {
  return processesOf(state)
    .map((pid) => Number(/^Pss:\s+(\d+) kB/m.exec(readProc(pid, 'smaps_rollup'))?.[1] ?? 0) * 1024)
    .reduce((sum, bytes) => sum + bytes, 0);
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}
