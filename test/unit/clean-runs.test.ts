// What is taken away of what programs have left: only what no start, and no person, will come back to.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { clean } from '../../src/cli/clean.js';
import type { Interrupts } from '../../src/cli/interrupts.js';
import type { Output } from '../../src/cli/output.js';
import { Shell } from '../../src/cli/shell.js';
import { createNightshift } from '../../src/client/nightshift.js';
import { UsageError } from '../../src/contract/errors.js';
import { runPaths } from '../../src/activities/providers/command/run-directory.js';
import { openLedger } from '../../src/ledger/open.js';
import {
  by,
  claimed,
  collected,
  failed,
  jobOf,
  landed,
  openBatch,
  PARKED,
  sessionOf,
  startedSession,
  temporaryFolder,
} from './ledger-fixture.js';

/** A night of which one job is done, at the second try, one parked, and one under way; thirty days before `now`. */
async function aNight() {
  const state = temporaryFolder();
  const began = new Date(Date.now() - 30 * 86_400_000);
  const ledger = await openLedger({ path: join(state, 'ledger.db'), now: () => began });
  onTestFinished(() => ledger.close());
  await openBatch(ledger, ['done', 'parked', 'open']);
  const first = await claimed(ledger, 'done');
  await ledger.endSession(await startedSession(ledger, 'done', first), failed(), first.fence);
  const second = await claimed(ledger, 'done');
  await ledger.endSession(await startedSession(ledger, 'done', second), collected(), second.fence);
  await landed(ledger, 'done');
  const parked = await claimed(ledger, 'parked');
  await ledger.endSession(await startedSession(ledger, 'parked', parked), failed(), parked.fence);
  await ledger.settleJob(jobOf('parked'), PARKED, by());
  await startedSession(ledger, 'open', await claimed(ledger, 'open'));

  const leave = (run: { readonly runKey: string; readonly attempt: number }, more: object = {}) => {
    const paths = runPaths(state, run);
    mkdirSync(paths.out, { recursive: true });
    writeFileSync(paths.stdout, 'twelve bytes');
    writeFileSync(paths.exit, JSON.stringify({ rc: 0, at: began.toISOString(), stdoutBytes: 12 }));
    writeFileSync(paths.claim, JSON.stringify({ v: 1, pid: 1, started: '1', bootId: '', ...more }));
  };
  for (const [slug, attempt] of [
    ['done', 1],
    ['done', 2],
    ['parked', 1],
    ['open', 1],
  ] as const)
    leave(sessionOf(slug, attempt));
  leave({ runKey: 'f'.repeat(32), attempt: 1 });
  mkdirSync(join(state, 'runs', 'notes'));
  const nightshift = createNightshift({ state });
  onTestFinished(() => nightshift.close());
  return { state, nightshift, left: () => readdirSync(join(state, 'runs')).length };
}

test('run directories of done jobs go when their sessions ended long enough ago, and no other ones', async () => {
  const { nightshift, state, left } = await aNight();
  expect(await nightshift.clean({ runsOlderThan: '31d' })).toEqual({ runs: [], bytes: 0, kept: 6 });
  const listed = await nightshift.clean({ runsOlderThan: '29d', list: true });
  expect(listed).toMatchObject({ kept: 4, runs: [{ attempt: 1, ...jobOf('done') }, { attempt: 2 }] });
  expect(listed.bytes).toBeGreaterThan(24);
  expect(left(), 'a look removes nothing').toBe(6);

  expect(await nightshift.clean({ runsOlderThan: '29d' })).toEqual(listed);
  expect(left()).toBe(4);
  for (const slug of ['parked', 'open'])
    expect(existsSync(runPaths(state, sessionOf(slug, 1)).out)).toBe(true);
  expect(await nightshift.clean({ runsOlderThan: '29d' })).toEqual({ runs: [], bytes: 0, kept: 4 });
});

test('a program that may be at work still keeps its directory; what a killed clean has left goes', async () => {
  const { nightshift, state, left } = await aNight();
  const { dir, exit, claim } = runPaths(state, sessionOf('done', 1));
  writeFileSync(exit, '');
  const elsewhere = { host: 'another', pidNamespace: '' };
  writeFileSync(claim, JSON.stringify({ v: 1, pid: 1, started: '1', bootId: '', ...elsewhere }));
  mkdirSync(`${dir}.removed`);
  const { runs } = await nightshift.clean({ runsOlderThan: '1d' });
  expect(runs.map(({ attempt }) => attempt)).toEqual([2]);
  expect(existsSync(dir)).toBe(true);
  expect(left()).toBe(5);
});

test('where no program ever ran there is nothing to do; an age that is none is refused', async () => {
  const nightshift = createNightshift({ state: temporaryFolder() });
  onTestFinished(() => nightshift.close());
  expect(await nightshift.clean({ runsOlderThan: '30d' })).toEqual({ runs: [], bytes: 0, kept: 0 });
  await expect(nightshift.clean({ runsOlderThan: '30' })).rejects.toThrow(UsageError);
});

test('the command says what went, and what stays', async () => {
  const { nightshift } = await aNight();
  const said: string[] = [];
  const out = { result: (text: string) => void said.push(text) } as unknown as Output;
  const shell = new Shell({ color: false }, out, {} as Interrupts);
  shell.nightshift = async () => nightshift;
  await clean({ runsOlderThan: '29d', list: true }, shell);
  await clean({ runsOlderThan: '29d' }, shell);
  const stays = '4 kept: younger than 29d, of jobs that are not done, or not of this ledger';
  expect(said).toEqual([
    '2 run directories of done jobs, 0.0 MB, would be removed; nothing was changed',
    stays,
    '2 run directories of done jobs, 0.0 MB: removed',
    stays,
  ]);
});
