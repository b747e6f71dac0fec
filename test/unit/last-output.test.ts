// What a stopped job made last is kept though it did not pass, and whoever looks at the job is told in which file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { retryLines } from '../../src/cli/retry-list.js';
import { statusLines } from '../../src/cli/status.js';
import { createNightshift } from '../../src/client/nightshift.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { rendered, type Line } from '../../src/report/line.js';
import { drawReport } from '../../src/report/morning/make-report.js';
import { reportLines } from '../../src/report/morning/terminal.js';
import { traceLines } from '../../src/report/trace-lines.js';
import { tracePage } from '../../src/report/trace-page.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  failed,
  jobOf,
  keyOf,
  openBatch,
  PARKED,
  startedSession,
  temporaryFolder,
} from './ledger-fixture.js';

async function aNight() {
  const state = join(temporaryFolder(), '.nightshift');
  const artifacts = folderArtifactStore({ root: join(state, 'artifacts') });
  const definition = (await artifacts.put(Buffer.from('of another release'))).sha256;
  const { ledger } = await aLedger(join(state, 'ledger.db'));
  const nightshift = createNightshift({ state, env: {} });
  onTestFinished(() => nightshift.close());
  await openBatch(ledger, ['bread', 'soup'], {
    manifest: JSON.stringify({ definition, jobs: definition, count: 2 }),
  });
  /** One session, which made this or nothing, and did not pass. */
  const fails = async (slug: string, made?: string) => {
    const claim = await claimed(ledger, slug);
    const artifact = made === undefined ? {} : { artifact: await artifacts.put(Buffer.from(made)) };
    await ledger.endSession(await startedSession(ledger, slug, claim), failed(artifact), claim.fence);
  };
  return { ledger, nightshift, fails };
}

const park = (ledger: Ledger, slug: string) => ledger.settleJob(jobOf(slug), PARKED, by());

const text = (lines: readonly Line[]) => lines.map((line) => rendered(line, undefined)).join('\n');
const commands = { approve: '', run: '', retry: '', resume: '', cancel: '', receipts: '' };

/** The files that a text names. */
const named = (shown: string) =>
  [...shown.matchAll(/last output kept[^/\n]*?(\/[^\s<]+)/g)].map(([, path]) =>
    readFileSync(path ?? '', 'utf8'),
  );

test('a parked job says in every view where the newest thing it made is', async () => {
  const { ledger, nightshift, fails } = await aNight();
  await fails('bread', 'first draft');
  await fails('bread', 'second draft');
  await fails('bread'); // the last session made nothing: what there was before is still what a person can look at
  await park(ledger, 'bread');

  const status = await nightshift.status('nightly');
  expect(named(text(statusLines(status, commands, Date.now())))).toEqual(['second draft']);
  expect(named(text(retryLines(await nightshift.toRetry('nightly'))))).toEqual(['second draft']);

  const trace = await nightshift.trace({ key: keyOf('bread') });
  expect(named(text(traceLines(trace)))).toEqual(['second draft']);
  expect(tracePage(trace, { now: new Date(), timeZone: 'UTC' })).toContain(trace.lastOutput);

  const { report } = await nightshift.report({ nameOrId: 'nightly' });
  expect(named(text(reportLines(report)))).toEqual(['second draft']);
  expect(named(await drawReport(report))).toEqual(['second draft']);
  expect(report.decisions[0]?.cases[0]?.lastOutput).toBe(trace.lastOutput);
});

test('so does a gated job, whose check could not run; one that waits for a yes does not', async () => {
  const { ledger, nightshift, fails } = await aNight();
  await fails('bread', 'a draft');
  const gated = { state: 'gated', errorClass: 'config', message: 'the check is not set up' } as const;
  await ledger.settleJob(jobOf('bread'), gated, by());
  const shown = async () =>
    named(text(statusLines(await nightshift.status('nightly'), commands, Date.now())));
  expect(await shown()).toEqual(['a draft']);
  expect(named(text(traceLines(await nightshift.trace({ key: keyOf('bread') }))))).toEqual(['a draft']);
  await claimed(ledger, 'bread');
  await ledger.settleJob(jobOf('bread'), { state: 'gated' }, by());
  expect(await shown()).toEqual([]);
});

test('a job that made nothing, goes on, or was given another revision since, names no file', async () => {
  const { ledger, fails } = await aNight();
  await fails('soup');
  await park(ledger, 'soup');
  await fails('bread', 'a draft');
  expect((await ledger.jobReports(BATCH)).map(({ lastArtifact }) => lastArtifact)).toEqual([
    undefined,
    undefined,
  ]);
  await claimed(ledger, 'bread', { revision: 2 });
  await park(ledger, 'bread');
  expect((await ledger.jobReports(BATCH)).map(({ lastArtifact }) => lastArtifact)).toEqual([
    undefined,
    undefined,
  ]);
});
