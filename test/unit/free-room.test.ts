// A disk that is nearly full: said by doctor, and nothing begins on it.
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import type * as files from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { PlacesAhead } from '../../src/activities/ask-ahead.js';
import type { Deps } from '../../src/activities/deps.js';
import { mustBeAbleTo } from '../../src/activities/must-be-able-to.js';
import { whatIsUnwritable } from '../../src/alerts/what-is-unwritable.js';
import { AdapterError } from '../../src/contract/errors.js';
import { createNightshift, defineBatch } from '../../src/index.js';
import type { Connections } from '../../src/client/connections.js';
import { roomFinding } from '../../src/client/room-finding.js';
import { waitsFor } from '../../src/client/waits-for.js';
import { noRoom, roomIn, roomStatus } from '../../src/free-room.js';
import type { BatchRow } from '../../src/ledger/ledger.js';
import { waitsText } from '../../src/report/waits-text.js';
import type { LeftToDo } from '../../src/policy/left-to-do.js';
import { tempDir } from '../support/batch.js';
import { filled, hasSmallDisks, smallDisk } from '../support/small-disk.js';

const MIB = 1024 * 1024;
let freeMib: number | undefined;
let blocks = 1000;
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof files>();
  const statfs = async (path: string) => {
    const found = await real.statfs(path);
    return freeMib === undefined ? found : { ...found, blocks, bavail: freeMib, bsize: MIB };
  };
  return { ...real, default: { ...real, statfs }, statfs };
});

const fullDisk = (mib: number) => {
  freeMib = mib;
  onTestFinished(() => (freeMib = undefined));
};

const batch = (dir: string) =>
  defineBatch(
    {
      name: 'nightly',
      work: 'article',
      identity: ['slug'],
      jobs: [{ slug: 'one' }],
      agent: { use: 'command', command: ['sh'] },
      effects: [{ name: 'post', use: 'folder', target: './public', with: { path: '{{ slug }}.md' } }],
    },
    { baseDir: dir },
  );

test.each([
  [99, 'fail', 'no session is begun'],
  [499, 'warn', 'a full disk stops a night'],
  [500, 'ok', undefined],
])('doctor: %d MiB free is %s', (mib, status, fix) => {
  const room = { dir: '/state', freeBytes: mib * MIB, status: roomStatus(mib * MIB) };
  expect(roomFinding('/state', room)).toMatchObject({ subject: 'state directory', status });
  expect(roomFinding('/state', room).fix ?? '').toContain(fix ?? '');
  expect(noRoom(room) !== undefined).toBe(status === 'fail');
});

test('a folder that is not there yet has the room of the one that it will be made in', async () => {
  const dir = tempDir();
  expect((await roomIn(`${dir}/a/b`))?.freeBytes).toBeGreaterThan(0);
});

test('a file system that counts no blocks says nothing of its room', async () => {
  fullDisk(0);
  blocks = 0;
  onTestFinished(() => void (blocks = 1000));
  expect(await roomIn(tempDir())).toBeUndefined();
});

test.each([
  ['a file on a disk that is full', 0, ['room']],
  ['a file on a disk with little room', 1, []],
])('what jobs wait for whose ledger is %s', async (_, mib, kinds) => {
  const dir = tempDir();
  const lanes = async () => [];
  const connections = (ledger: object) =>
    ({ config: { stateDir: dir, ledger }, ledger: async () => ({ lanes }) }) as unknown as Connections;
  const row = { state: 'running' } as BatchRow;
  fullDisk(mib);
  const waits = await waitsFor(row, { gated: 0 }, connections({ path: join(dir, 'ledger.db') }));
  expect(waits.map(({ kind }) => kind)).toEqual(kinds);
  for (const one of waits) {
    const text = `room on the disk: less than 1 MiB is free in ${dir}; free some, and jobs go on by themselves`;
    expect(waitsText(one)).toBe(text);
  }
  // Of a database elsewhere, this disk says nothing.
  expect(await waitsFor(row, { gated: 0 }, connections({ url: 'postgres://db' }))).toEqual([]);
});

test('a start on a full disk is refused before an engine is started, and plan is not', async () => {
  const dir = tempDir();
  const nightshift = createNightshift({ state: `${dir}/state`, env: {} });
  onTestFinished(() => nightshift.close());
  const read = await nightshift.read(batch(dir));
  fullDisk(12);
  expect((await nightshift.plan(read)).toRun).toBe(1);
  await expect(nightshift.run(read)).rejects.toMatchObject({
    errorClass: 'config',
    message: `nothing was started: 12 MiB are free where the state is kept (${dir}/state), and no session begins below 100 MiB; free some room there, or keep the state elsewhere: --state, NIGHTSHIFT_STATE`,
  });
  expect(existsSync(`${dir}/state/engine`)).toBe(false);
  // Whoever reads the report in the morning is told as well.
  const [asked, ...others] = await nightshift.requests();
  expect([asked?.what, asked?.outcome, others]).toEqual(['start', 'failed', []]);
  const page = readFileSync(`${dir}/state/reports/${read.definition.name}-latest.html`, 'utf8');
  expect(page).toContain('and that failed: nothing was started: 12 MiB are free');
});

test('the worker that opens a batch begins no job on a full disk', async () => {
  const dir = tempDir();
  const nightshift = createNightshift({ state: `${dir}/state`, env: {} });
  onTestFinished(() => nightshift.close());
  const { definition } = await nightshift.read(batch(dir));
  const deps = {
    stateDir: dir,
    env: process.env,
    worker: '1@host',
    now: () => new Date(),
  } as unknown as Deps;
  const look = (left: LeftToDo) =>
    new MockActivityEnvironment().run(() =>
      mustBeAbleTo(definition, { effects: [], places: new PlacesAhead(), left }, deps),
    );
  fullDisk(12);
  await look('effects'); // what is made lands
  await expect(look('sessions')).rejects.toThrow(
    /the worker 1@host can’t run this batch, and no job was begun: 12 MiB are free where the state is kept/,
  );
});

describe('what can’t be written, as a worker sees it', () => {
  const onePath = (dir: string) => ({ stateDir: dir, ledger: { path: join(dir, 'ledger.db') } });
  const trouble = new AdapterError('config', 'it may not be written', { ours: 'artifacts' });
  const seenAt = new Date().toISOString();
  const well = { last: undefined };
  const met = { last: { trouble, seenAt } };
  const found = { why: trouble.message, errorClass: 'config' };

  test('is what the last writes have met', async () => {
    const config = onePath(tempDir());
    const look = (ledger: typeof met | typeof well, artifacts: typeof met | typeof well) =>
      whatIsUnwritable(config, { ledger, artifacts });
    expect(await look(well, well)).toBeUndefined();
    expect(await look(well, met)).toEqual({ what: 'artifacts', ...found, seenAt });
    expect(await look(met, met)).toEqual({ what: 'ledger', ...found });
    // Tried again since then, by another worker, where that went well.
    const long = { last: { trouble, seenAt: new Date(Date.now() - 4.1 * 60_000).toISOString() } };
    expect(await look(well, long)).toBeUndefined();
  });

  test('is all of it on a full disk; with the ledger on another host, what is made', async () => {
    const dir = tempDir();
    fullDisk(0);
    const full = { why: expect.stringContaining(`free in ${dir};`) as string, errorClass: 'transient' };
    const none = { ledger: well, artifacts: well };
    expect(await whatIsUnwritable(onePath(dir), none)).toEqual({ what: 'ledger', ...full });
    const elsewhere = { stateDir: dir, ledger: { url: 'postgres://db' } };
    expect(await whatIsUnwritable(elsewhere, none)).toEqual({ what: 'artifacts', ...full });
  });

  test.skipIf(!hasSmallDisks())(
    'names the folder of the artifacts, where that has a disk of its own',
    async () => {
      const dir = tempDir();
      const disk = smallDisk(1);
      symlinkSync(disk, join(dir, 'artifacts'));
      filled(disk);
      expect(await whatIsUnwritable(onePath(dir), { ledger: well, artifacts: well })).toEqual({
        what: 'artifacts',
        why: `less than 1 MiB is free in ${join(dir, 'artifacts')}; free some, and jobs go on by themselves`,
        errorClass: 'transient',
      });
    },
  );
});
