/** Real processes that write to one ledger, and what must be found there whatever became of them. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { jobKey } from '../../src/identity/keys.js';
import { openLedger } from '../../src/ledger/open.js';
import { placeOf, rawSql, type RawSql } from '../unit/ledger-fixture.js';

const WRITER = fileURLToPath(new URL('fixtures/ledger-writer.mjs', import.meta.url));

export interface Writer {
  /** Its part of the work is done, or it was killed. */
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
  /** It is loaded and waits for `start`. */
  readonly ready: Promise<unknown>;
  readonly pid: number | undefined;
  /** Steps that the ledger has acknowledged to it so far. */
  acknowledged(): number;
  start(): void;
  kill(signal?: NodeJS.Signals): void;
}

/** @param path file or URL of the ledger */
export function aWriter(path: string, name: string, jobs: number): Writer {
  const child = spawn(process.execPath, [WRITER, path, name, String(jobs)]);
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
    pid: child.pid,
    acknowledged: () => said.stdout.split('\n').length - 2,
    start: () => child.stdin.write('go'),
    kill: (signal = 'SIGKILL') => child.kill(signal),
  };
}

/** The last step of each job that the process was told is safe; a torn last line was not told. */
export function lastSteps(stdout: string): ReadonlyMap<string, string> {
  const lines = stdout.split('\n').slice(1, -1); // the first is `ready`
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}

/** What each step of a writer leaves behind at least, as SQL sees it. */
const LEAVES = {
  claim: `state in ('running', 'done')`,
  intent: 'last_attempt = 1',
  handle: `(select state from sessions s where s.job_key = jobs.job_key) in ('started', 'collected')`,
  collected: 'artifact_sha256 is not null',
  pending: 'exists (select 1 from effects e where e.job_key = jobs.job_key)',
  attempting: '(select attempts from effects e where e.job_key = jobs.job_key) = 1',
  landed: `state = 'done' and exists (select 1 from receipts r where r.job_key = jobs.job_key)`,
} as const;

/** Nothing that was acknowledged is missing, nothing was done by half, and nothing was done twice. */
export async function expectAcknowledged(path: string, steps: ReadonlyMap<string, string>): Promise<void> {
  const ledger = await openLedger(placeOf(path));
  try {
    expect(await ledger.inspect()).toMatchObject({ problems: [] });
  } finally {
    await ledger.close();
  }
  const raw = rawSql(path);
  for (const [step, holds] of Object.entries(LEAVES)) {
    const keys = [...steps].filter(([, last]) => last === step).map(([slug]) => `'${jobKey({ slug })}'`);
    if (keys.length === 0) continue;
    const found = await raw(
      `select count(*) as jobs from jobs where job_key in (${keys.join(', ')}) and ${holds}`,
    );
    expect(found, `jobs whose last acknowledged step is "${step}"`).toEqual([{ jobs: keys.length }]);
  }
  await expectWhole(raw);
}

/** State and history are one transaction, so they never disagree; each step of a job is on record once. */
async function expectWhole(raw: RawSql): Promise<void> {
  expect(
    await raw(`select count(*) as torn from jobs where state <>
      (select to_state from history h where h.kind = 'job' and h.job_key = jobs.job_key order by seq desc limit 1)`),
  ).toEqual([{ torn: 0 }]);
  expect(await raw('select coalesce(max(seq), 0) - count(*) as gaps from history')).toEqual([{ gaps: 0 }]);
  expect(
    await raw(`select count(*) as repeated from (
      select 1 from history group by kind, subject, from_state, to_state having count(*) > 1) as twice`),
  ).toEqual([{ repeated: 0 }]);
  const shared = jobKey({ slug: 'shared' }); // the one job that all of them claim
  expect(await raw(`select count(*) as again from jobs where fence > 1 and job_key <> '${shared}'`)).toEqual([
    { again: 0 },
  ]);
}
