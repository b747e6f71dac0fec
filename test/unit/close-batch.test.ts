// However a run ends, its worker leaves a report of it.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { beforeEach, expect, test } from 'vitest';
import { closeBatch, noteBatch, type CloseRequest } from '../../src/activities/close-batch.js';
import type { Deps } from '../../src/activities/deps.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import { PREFLIGHT } from '../../src/contract/messages.js';
import type { BatchState } from '../../src/contract/states.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { makeReport } from '../../src/report/morning/make-report.js';
import { aDefinition } from './definition-fixture.js';
import {
  aLedger,
  by,
  claimed,
  effectOf,
  keyOf,
  landed,
  openBatch,
  temporaryFolder,
} from './ledger-fixture.js';

const ID = `batch:nightly:${keyOf('night')}`;

let folder: string;
let ledger: Ledger;
let deps: Deps;
beforeEach(async () => {
  folder = temporaryFolder();
  ({ ledger } = await aLedger());
  const artifacts = folderArtifactStore({ root: join(folder, 'artifacts') });
  const alarm = { look: () => undefined, wake: () => undefined };
  const workflow = { getHandle: () => ({ fetchHistory: async () => ({ events: [] }) }) };
  const at = { stateDir: folder, now: () => new Date(), client: { workflow } };
  deps = { ledger, artifacts, alarm, ...at } as unknown as Deps;
});

async function opened(slugs: readonly string[]): Promise<void> {
  const definition = await storedDefinition(aDefinition(folder), deps.artifacts);
  const manifest = JSON.stringify({ definition, jobs: definition, count: slugs.length });
  await openBatch(ledger, slugs, { id: ID, manifest });
}

const close = (state: CloseRequest['state']) =>
  new MockActivityEnvironment().run(closeBatch(deps), { batchId: ID, state });
const note = (state: BatchState, reason: string, byWhom = PREFLIGHT) =>
  new MockActivityEnvironment().run(noteBatch(deps), ID, state, { by: byWhom, reason });

/** What the one page of the run and the one that is always the latest say, which is the same. */
function pageOf(): string {
  const reports = join(folder, 'reports');
  const [own = '', latest = '', ...others] = readdirSync(reports).sort();
  expect([latest, others]).toEqual(['nightly-latest.html', []]);
  const page = readFileSync(join(reports, own), 'utf8');
  expect(readFileSync(join(reports, latest), 'utf8')).toBe(page);
  return page;
}

test('a run is closed as cancelled, also where its history can’t be read for who asked', async () => {
  await opened(['one', 'two']);
  const workflow = { getHandle: () => ({ fetchHistory: () => Promise.reject(new Error('14 UNAVAILABLE')) }) };
  deps = { ...deps, client: { workflow } } as unknown as Deps;
  await close('cancelled');
  expect(await ledger.batch(ID)).toMatchObject({ state: 'cancelled', stateBy: 'batch' });
});

test.each([
  ['completed', ['one'], 'The one job is done. Nothing is left to do.'],
  ['incomplete', ['one', 'two'], '1 of 2 jobs done; one thing needs you.'],
  ['cancelled', ['one', 'two'], '1 of 2 jobs done; one thing needs you. It was cancelled.'],
] as const)('a run that ends %s has a report that says so', async (state, slugs, headline) => {
  await opened(slugs);
  await claimed(ledger, 'one', { by: by(ID), effectKeys: [effectOf('one').effectKey] });
  await landed(ledger, 'one', { batchId: ID });
  await close(state);
  expect((await ledger.batch(ID))?.state).toBe(state);
  expect(pageOf()).toContain(`role="status">${headline}<`);
});

test('a run that could not be opened has a report that says why, and what to do', async () => {
  await opened(['one', 'two']);
  await note('incomplete', 'host-1 has no program named writer');
  const page = pageOf();
  expect(page).toContain('0 of 2 jobs done');
  expect(page).toContain('host-1 has no program named writer');
});

const WHY = 'the artifact store has lost its list';
test.each([
  ['incomplete', WHY],
  ['cancelled', '0 of 2 jobs done; 2 things need you. It was cancelled.'],
] as const)('one that ended %s before its list was known waits for a person, too', async (state, words) => {
  const lost = 'a'.repeat(64);
  await ledger.openBatch({
    ...{ id: ID, name: 'nightly', key: keyOf(ID), work: 'article', runId: 'run-1', by: 'ann' },
    ...{ manifest: JSON.stringify({ definition: lost, jobs: lost, count: 2 }), jobs: 2, currency: 'EUR' },
  });
  if (state === 'cancelled') await close(state);
  else await note(state, WHY, 'batch');
  expect(pageOf()).toContain(words);
  const options = { stateDir: folder, now: new Date() };
  const { decisions } = await makeReport({ id: ID, name: 'nightly' }, ledger, options);
  expect(decisions).toMatchObject([{ kind: 'again', count: 2 }]);
});

test('a run that the ledger knows nothing of is told to its workflow, and has its report all the same', async () => {
  await expect(note('incomplete', 'its list can’t be read')).rejects.toThrow(`the ledger has no batch ${ID}`);
  expect(pageOf()).toContain('This night never started. its list can’t be read');
});

test('a pause writes no report', async () => {
  await opened(['one']);
  await note('paused', 'the blog moves', 'ann');
  expect(readdirSync(folder)).not.toContain('reports');
});

test('a report that can’t be written fails no batch', async () => {
  await opened(['one']);
  writeFileSync(join(folder, 'reports'), 'no folder');
  await close('incomplete');
  expect((await ledger.batch(ID))?.state).toBe('incomplete');
});
