// The ledger under several real processes, some of which are killed. NIGHTSHIFT_TEST_SEED replays a run.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { jobKey } from '../../src/identity/keys.js';
import { openLedger } from '../../src/ledger/open.js';
import { jitterOf } from '../../src/policy/jitter.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WRITER = fileURLToPath(new URL('fixtures/ledger-writer.ts', import.meta.url));
const SEED = process.env['NIGHTSHIFT_TEST_SEED'] ?? String(Date.now());
const KILLS = 12;
/** Most of the time goes into loading processes, which a busy machine does slowly. */
const TIMEOUT_MS = 240_000;
const moments: string[] = [];

afterAll(() => console.error(`seed ${SEED}: killed after ${moments.join(', ')} ms of writing`));

test('20 processes that open a fresh path at once all succeed', { timeout: TIMEOUT_MS }, async () => {
  const path = aPath();
  const writers = Array.from({ length: 20 }, (_, index) => aWriter(path, `p${index}`, 1));
  for (const writer of writers) await writer.ready;
  for (const writer of writers) writer.start();
  const ends = await Promise.all(writers.map((writer) => writer.ended));

  for (const end of ends) expect(end.code, end.stderr).toBe(0);
  const ledger = await openLedger({ path });
  onTestFinished(() => ledger.close());
  expect(await ledger.inspect()).toMatchObject({ schemaVersion: '1', problems: [] });
  expect(await ledger.receipts({})).toHaveLength(20);
  expect(read(path, `select fence from jobs where identity like '%shared%'`)).toEqual([{ fence: 20 }]);
});

test(
  'two processes that write at once lose nothing and mix nothing up',
  { timeout: TIMEOUT_MS },
  async () => {
    const path = aPath();
    const writers = ['a', 'b'].map((name) => aWriter(path, name, 150));
    for (const writer of writers) await writer.ready;
    for (const writer of writers) writer.start();
    const ends = await Promise.all(writers.map((writer) => writer.ended));

    for (const end of ends) expect(end.code, end.stderr).toBe(0);
    expect(read(path, 'select count(*) as receipts from receipts')).toEqual([{ receipts: 300 }]);
    expect(read(path, `select count(*) as done from jobs where state = 'done'`)).toEqual([{ done: 300 }]);
    // Numbers of history are given without gaps, so no transaction saw half of another.
    expect(read(path, 'select max(seq) - count(*) as gaps from history')).toEqual([{ gaps: 0 }]);
  },
);

test(
  'a killed writer loses nothing that was acknowledged, and the ledger opens',
  { timeout: TIMEOUT_MS },
  async () => {
    const path = aPath();
    let acknowledged = 0;
    for (let round = 0; round < KILLS; round++) {
      const writer = aWriter(path, `r${round}`, 100_000);
      await writer.ready;
      writer.start();
      const momentMs = Math.round(jitterOf(`${SEED}:${round}`) * 400);
      moments.push(String(momentMs));
      await new Promise((resolve) => setTimeout(resolve, momentMs));
      writer.kill();
      const { stdout } = await writer.ended;
      const steps = lastSteps(stdout);
      acknowledged += steps.size;
      await expectAcknowledged(path, steps);
    }
    expect(acknowledged).toBeGreaterThan(0);
  },
);

/** What a step leaves behind at least, as SQL sees it. */
const LEAVES = {
  claim: `state in ('running', 'done')`,
  intent: 'last_attempt = 1',
  handle: `(select state from sessions s where s.job_key = jobs.job_key) in ('started', 'collected')`,
  collected: 'artifact_sha256 is not null',
  pending: 'exists (select 1 from effects e where e.job_key = jobs.job_key)',
  attempting: '(select attempts from effects e where e.job_key = jobs.job_key) = 1',
  landed: `state = 'done' and exists (select 1 from receipts r where r.job_key = jobs.job_key)`,
} as const;

async function expectAcknowledged(path: string, steps: ReadonlyMap<string, string>): Promise<void> {
  const ledger = await openLedger({ path });
  try {
    expect(await ledger.inspect()).toMatchObject({ problems: [] });
  } finally {
    await ledger.close();
  }
  const raw = new BetterSqlite3(path, { readonly: true });
  try {
    for (const [slug, step] of steps) {
      const holds = LEAVES[step as keyof typeof LEAVES];
      const row = raw.prepare(`select ${holds} as holds from jobs where job_key = ?`).get(jobKey({ slug }));
      expect(row, `${slug} ${step}`).toEqual({ holds: 1 });
    }
    // State and history are one transaction, so they never disagree.
    expect(
      raw
        .prepare(
          `select count(*) as torn from jobs where state <>
            (select to_state from history h where h.kind = 'job' and h.job_key = jobs.job_key order by seq desc)`,
        )
        .get(),
    ).toEqual({ torn: 0 });
  } finally {
    raw.close();
  }
}

/** The last step of each job that the process was told is safe; a torn last line was not told. */
function lastSteps(stdout: string): ReadonlyMap<string, string> {
  const lines = stdout.split('\n').slice(1, -1); // the first is `ready`
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}

function aPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-ledger-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'state', 'ledger.db');
}

function read(path: string, sql: string): unknown[] {
  const raw = new BetterSqlite3(path, { readonly: true });
  try {
    return raw.prepare(sql).all();
  } finally {
    raw.close();
  }
}

function aWriter(path: string, name: string, jobs: number) {
  const args = ['--import', 'jiti/register', WRITER, path, name, String(jobs)];
  const child = spawn(process.execPath, args, { cwd: ROOT });
  const said = { stdout: '', stderr: '' };
  child.stderr.on('data', (data: Buffer) => (said.stderr += data.toString()));
  child.stdout.on('data', (data: Buffer) => (said.stdout += data.toString()));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, ...said }));
  });
  const ready = new Promise<unknown>((resolve) => child.stdout.once('data', resolve));
  return {
    ended,
    ready: Promise.race([ready, ended]),
    start: () => child.stdin.write('go'),
    kill: () => child.kill('SIGKILL'),
  };
}
