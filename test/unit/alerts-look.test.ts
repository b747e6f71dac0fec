// What a look at a batch makes of its alerts, from a ledger alone.
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { lookAtBatch } from '../../src/alerts/look.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storedDefinition } from '../../src/batch/manifest.js';
import { batchFileSchema } from '../../src/contract/batch-file.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import {
  by,
  claimed,
  effectOf,
  identityOf,
  jobOf,
  keyOf,
  landed,
  member,
  openBatch,
  PARKED,
  startedSession,
  temporaryFolder,
  NOBODY,
} from './ledger-fixture.js';

let folder: string;
let ledger: Ledger;
const artifacts = () => folderArtifactStore({ root: join(folder, 'artifacts') });
const look = (batchId: string) =>
  lookAtBatch(batchId, { ledger, artifacts: artifacts(), stateDir: folder, now: () => new Date() });

beforeEach(async () => {
  folder = temporaryFolder();
  ledger = await openLedger({ path: join(folder, 'ledger.db') });
  const opened = ledger;
  onTestFinished(() => opened.close());
});

/** A batch under way, and the ID that it has. */
async function aBatch(slugs: readonly string[], edition?: string): Promise<string> {
  const { jobs: _, ...file } = batchFileSchema.parse({
    name: 'nightly',
    work: 'article',
    jobs: [],
    agent: { use: 'command', command: ['true'] },
    effects: [{ name: 'post', use: 'folder', target: './public', approval: 'required' }],
    alerts: [{ use: 'webhook', url: 'https://example.com' }],
  });
  const definition = await storedDefinition({ ...file, baseDir: folder }, artifacts());
  const key = keyOf(slugs.join());
  const id = `batch:nightly:${key}`;
  const manifest = JSON.stringify({ definition, jobs: definition, count: slugs.length });
  await openBatch(ledger, slugs, { id, runId: `run-${key}`, manifest });
  if (edition !== undefined)
    await ledger.setMembers(
      id,
      slugs.map((slug) => member(slug, { identity: { ...identityOf(slug), edition } })),
    );
  return id;
}

/** The run ends with this job parked. */
async function endsParked(batchId: string, slug: string): Promise<void> {
  await claimed(ledger, slug, { by: by(batchId) });
  await ledger.settleJob(jobOf(slug), PARKED, batchId);
  await ledger.setBatchState(batchId, 'incomplete', batchId);
  await look(batchId);
}

const nextCommands = async () =>
  (await ledger.alerts({ open: true })).flatMap(({ detail }) => detail.next.map(({ command }) => command));

test('the commands of an alert mean its own night: by its edition, or by its ID where it has none', async () => {
  await endsParked(await aBatch(['one'], '2026-11-01'), 'one');
  expect(await nextCommands()).toEqual([
    `nightshift status nightly --edition 2026-11-01 --state ${folder}`,
    `nightshift retry nightly --edition 2026-11-01 --state ${folder}`,
  ]);
});

async function retried(batchId: string, slug: string): Promise<void> {
  const row = await ledger.batch(batchId);
  if (!row) throw new Error(`no batch ${batchId}`);
  await ledger.openBatch({ ...row, runId: `${row.runId}-again`, by: NOBODY });
  await ledger.requeue(batchId, 'ann');
  await claimed(ledger, slug, { by: by(batchId) });
  await landed(ledger, slug, { batchId });
  await ledger.setBatchState(batchId, 'completed', batchId);
  await look(batchId);
}

test('an alert about jobs stays until those of every night are seen to, and names the nights that are left', async () => {
  const [first, second] = [await aBatch(['one'], '2026-11-01'), await aBatch(['two'], '2026-11-02')];
  await endsParked(first, 'one');
  await endsParked(second, 'two');
  const [both] = await ledger.alerts({ open: true });
  expect(both?.detail).toMatchObject({
    jobs: 2,
    of: 2,
    examples: [{ key: keyOf('two') }, { key: keyOf('one') }],
  });
  expect(both?.detail.next.map(({ what, command }) => [what, command])).toEqual([
    ['see all of them', `nightshift status nightly --edition 2026-11-02 --state ${folder}`],
    ['give them a new budget and go on', `nightshift retry nightly --edition 2026-11-02 --state ${folder}`],
    ['of 2026-11-01: see all of them', `nightshift status nightly --edition 2026-11-01 --state ${folder}`],
    [
      'of 2026-11-01: give them a new budget and go on',
      `nightshift retry nightly --edition 2026-11-01 --state ${folder}`,
    ],
  ]);

  await retried(second, 'two');
  const [left] = await ledger.alerts({ open: true });
  expect(left, 'the first night has its job parked still').toMatchObject({
    rule: 'parked',
    batchId: first,
    detail: { jobs: 1, examples: [{ key: keyOf('one') }] },
  });
  expect(await nextCommands()).toEqual([
    `nightshift status nightly --edition 2026-11-01 --state ${folder}`,
    `nightshift retry nightly --edition 2026-11-01 --state ${folder}`,
  ]);
  expect((await ledger.alertMessages()).map(({ kind }) => kind)).toEqual(['opened']);

  await retried(first, 'one');
  expect(await openAlerts()).toEqual([]);
});

test('a job in two lists of one name is one job of the alert', async () => {
  await endsParked(await aBatch(['one']), 'one');
  await endsParked(await aBatch(['one', 'two']), 'two');
  expect(await ledger.alerts({ open: true })).toMatchObject([{ detail: { jobs: 2, of: 2 } }]);
});

test('the commands of an alert about one list of several mean that list', async () => {
  await aBatch(['one']);
  const second = await aBatch(['two']);
  await endsParked(second, 'two');
  expect(await nextCommands()).toEqual([
    `nightshift status ${second} --state ${folder}`,
    `nightshift retry ${second} --state ${folder}`,
  ]);
});

async function asksFor(batchId: string, slug: string): Promise<void> {
  await claimed(ledger, slug, { by: by(batchId) });
  const request = { ...effectOf(slug), ...jobOf(slug), requestSha256: 'd'.repeat(64), batchId };
  await ledger.askApproval({ ...request, artifact: 'a'.repeat(64), onTimeout: 'hold' }, NOBODY);
}

async function answer(slug: string): Promise<void> {
  const [approval] = (await ledger.approvals()).filter(({ jobKey }) => jobKey === keyOf(slug));
  if (!approval) throw new Error(`${slug} asks for nothing`);
  await ledger.decideApproval(approval, 'approved', 'ann', '');
}

const openAlerts = async () => (await ledger.alerts({ open: true })).map(({ rule }) => rule);

test('an approval that was given is over while its batch goes on, and not before all of that name are given', async () => {
  const tonight = await aBatch(['one', 'two']);
  for (const slug of ['one', 'two']) await asksFor(tonight, slug);
  await look(tonight);
  expect(await openAlerts()).toEqual(['approval']);

  const lastNight = await aBatch(['three']);
  await asksFor(lastNight, 'three');
  for (const slug of ['one', 'two']) await answer(slug);
  await look(tonight);
  expect(await openAlerts(), 'another run of that name still asks').toEqual(['approval']);

  await answer('three');
  expect((await ledger.batch(tonight))?.state).toBe('running');
  await look(tonight);
  expect(await openAlerts()).toEqual([]);
});

test('a used-up budget is over when sessions are under way again, and not when a job merely asks', async () => {
  const batchId = await aBatch(['one', 'two']);
  await claimed(ledger, 'one', { by: by(batchId) });
  const refused = { state: 'gated', errorClass: 'budget', message: 'budget.perDay is used up' } as const;
  await ledger.settleJob(jobOf('one'), refused, batchId);
  await look(batchId);
  expect(await openAlerts()).toEqual(['budget']);

  const claim = await claimed(ledger, 'one', { by: by(batchId) });
  await look(batchId);
  expect(await openAlerts()).toEqual(['budget']);
  await startedSession(ledger, 'one', claim, { batchId });
  await look(batchId);
  expect(await openAlerts()).toEqual([]);
});
