// Looks that failed, or that nobody came to make: a real ledger, a real server that is to be told.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Deps } from '../../src/activities/deps.js';
import { tellOfEnd } from '../../src/activities/tell-monitor.js';
import { startWatchman, type Watchman } from '../../src/alerts/watchman.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { startReceiver, type Receiver } from '../support/servers/receiver.js';
import { by, claimed, jobOf, keyOf, openBatch, temporaryFolder } from './ledger-fixture.js';
import { aDefinition } from './definition-fixture.js';

let folder: string;
let ledger: Ledger;
let receiver: Receiver;
let nowMs: number;
const artifacts = () => folderArtifactStore({ root: join(folder, 'artifacts') });

beforeEach(async () => {
  folder = temporaryFolder();
  nowMs = Date.now();
  ledger = await openLedger({ path: join(folder, 'ledger.db'), now: () => new Date(nowMs) });
  receiver = await startReceiver();
  const [opened, server] = [ledger, receiver];
  onTestFinished(async () => {
    await opened.close();
    await server.stop();
  });
});

/** A batch that has ended with a job gated, and of which nobody was told. */
async function ended(name: string, slug: string, monitor = false): Promise<string> {
  const more = {
    alerts: [{ use: 'webhook', url: receiver.url }],
    ...(monitor && { deadMan: { url: receiver.url } }),
  };
  const definition = await storedDefinition(aDefinition(folder, { name, ...more }), artifacts());
  const id = `batch:${name}:${keyOf(slug)}`;
  const manifest = JSON.stringify({ definition, jobs: definition, count: 1 });
  await openBatch(ledger, [slug], { id, name, runId: `run-${slug}`, manifest });
  await claimed(ledger, slug, { by: by(id) });
  await ledger.settleJob(jobOf(slug), { state: 'gated', errorClass: 'auth', message: 'HTTP 401' }, by(id));
  await ledger.setBatchState(id, 'incomplete', 'batch');
  return id;
}

const watchman = (of: Ledger, onTrouble?: (what: string) => void): Watchman =>
  startWatchman(
    {
      ledger: of,
      artifacts: artifacts(),
      stateDir: folder,
      env: {},
      now: () => new Date(nowMs),
      isRunOpen: () => Promise.resolve(false),
      unwritable: () => Promise.resolve(undefined),
      turn: () => undefined,
      host: 'host',
    },
    onTrouble,
  );

const told = () =>
  receiver.got.map(({ body }) => (JSON.parse(body) as { data: { batch: string } }).data.batch);

/** A ledger that cannot be read for the first looks at a batch. */
function broken(times: number, asked: string): { readonly ledger: Ledger; readonly looks: () => number } {
  let looks = 0;
  const batch: Ledger['batch'] = (id) =>
    id === asked && ++looks <= times ? Promise.reject(new Error('database is locked')) : ledger.batch(id);
  return { ledger: { ...ledger, batch }, looks: () => looks };
}

test('a look that failed is made up for before the process goes, and keeps no other batch from being looked at', async () => {
  const one = await ended('one', 'a');
  await ended('two', 'b');
  const ledgerThen = broken(1, one);
  const troubles: string[] = [];
  const watching = watchman(ledgerThen.ledger, (what) => troubles.push(what));
  await expect.poll(told, { timeout: 20_000 }).toEqual(['two']);
  await watching.stop();
  expect(told().sort()).toEqual(['one', 'two']);
  expect(troubles).toEqual([`could not look at ${one}: database is locked`]);
});

test('a look that goes on failing is not made again by each call', async () => {
  const one = await ended('one', 'a');
  await ended('two', 'b');
  const ledgerThen = broken(Infinity, one);
  const watching = watchman(ledgerThen.ledger);
  await expect.poll(told, { timeout: 20_000 }).toEqual(['two']);
  await ended('three', 'c').then((id) => watching.look(id));
  await expect.poll(told, { timeout: 20_000 }).toEqual(['two', 'three']);
  expect(ledgerThen.looks()).toBe(1);
  await watching.stop();
});

test('a batch that ended when nobody could look is told by the next process, once, and not after a day', async () => {
  await ended('one', 'a');
  for (let times = 0; times < 2; times++) {
    const watching = watchman(ledger);
    await expect.poll(told, { timeout: 20_000 }).toEqual(['one']);
    await watching.stop();
  }
  expect(told()).toEqual(['one']);
  await ended('old', 'b');
  nowMs += 25 * 60 * 60_000;
  await watchman(ledger).stop();
  expect(told()).not.toContain('old');
});

test('a run whose end could not be looked at is left to the watchman, and its monitor hears of it all the same', async () => {
  const one = await ended('one', 'a', true);
  const ledgerThen = broken(1, one).ledger;
  const asked: string[] = [];
  const deps = {
    ledger: ledgerThen,
    artifacts: artifacts(),
    stateDir: folder,
    now: () => new Date(nowMs),
    alarm: { look: (id: string) => asked.push(id), wake: () => undefined },
  } as unknown as Deps;
  await new MockActivityEnvironment().run(() => tellOfEnd(deps, one, { kind: 'ping-fail', runId: 'run-a' }));
  expect(asked).toEqual([one]);
  expect(await ledger.alertMessages()).toMatchObject([{ kind: 'ping-fail', batchName: 'one' }]);
});

test('a night in which much happens is looked at round by round, and piles up nothing', async () => {
  const warned: Error[] = [];
  const hear = (warning: Error) => void warned.push(warning);
  process.on('warning', hear);
  onTestFinished(() => void process.off('warning', hear));
  const watch = watchman(ledger);
  for (let calls = 0; calls < 14; calls++) {
    watch.wake();
    await sleep(550); // a round at work is half a second
  }
  await watch.stop();
  expect(warned).toEqual([]);
}, 60_000);
