// Options that were edited after an effect had landed: nothing is sent again for that, and plan and run say so.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPublisher } from '../../src/activities/load-adapter.js';
import { requestSha256Of } from '../../src/activities/try-effect.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { effectsOf } from '../../src/batch/effects.js';
import { storeManifest } from '../../src/batch/manifest.js';
import { openBatchRow } from '../../src/batch/open-batch-row.js';
import { readBatch } from '../../src/batch/read-batch.js';
import { createNightshift } from '../../src/client/nightshift.js';
import {
  aLedger,
  by,
  claimed,
  collected,
  effectOf,
  receiptOf,
  settlesOf,
  startedSession,
  temporaryFolder,
} from './ledger-fixture.js';

const ARTIFACT = 'a'.repeat(64);

interface Written {
  readonly use?: string;
  readonly with?: string;
  readonly jobs?: string;
  readonly revision?: number;
}

const PATH = '{ path: "p-{{ slug }}.md" }';

function textOf({ use = 'folder', with: options = PATH, jobs = '', revision = 1 }: Written): string {
  return `name: nightly
work: article
jobs: [{ site: blog, category: a, slug: one, revision: ${revision} }${jobs}]
agent: { use: command, command: [sh] }
effects: [{ name: post, use: ${use}, target: ./public, with: ${options} }]
`;
}

/** A batch of one job that landed as it was written; `sent: false`: it was found there instead. */
async function landedAs(written: Written, { sent = true, artifactSince = ARTIFACT } = {}) {
  const dir = temporaryFolder();
  const state = join(dir, 'state');
  mkdirSync(state);
  const file = join(dir, 'batch.yaml');
  writeFileSync(file, textOf(written));
  const batch = await readBatch(file);
  const { definition, workflowId: id, key } = batch;
  const { ledger } = await aLedger(join(state, 'ledger.db'));
  const manifest = await storeManifest(batch, folderArtifactStore({ root: join(state, 'artifacts') }));
  const run = { id, name: definition.name, key, runId: 'run-1', by: 'test' };
  await ledger.openBatch(openBatchRow(run, definition, manifest));

  const [job] = batch.jobs;
  if (!job) throw new Error('no job');
  const effect = { ...effectOf('one'), use: written.use ?? 'folder' };
  const claim = await claimed(ledger, 'one', {
    fingerprint: job.fingerprint,
    effectKeys: [effect.effectKey],
    by: by(id),
  });
  const session = await startedSession(ledger, 'one', claim, { batchId: id });
  await ledger.endSession(session, collected(0, artifactSince), claim.fence);
  const { fence } = await ledger.beginEffect(effect, by(id));
  const [request] = effectsOf(definition, job);
  if (request && sent) {
    const sha256 = requestSha256Of(request, ARTIFACT, 1);
    await ledger.attemptingEffect(effect.effectKey, { sha256, revision: 1 }, fence);
  }
  await ledger.landEffect(receiptOf(effect, { adopted: !sent }), settlesOf('one', [effect]), fence);

  /** What is said of the batch as it is written now. */
  return async (now: Written) => {
    writeFileSync(file, textOf(now));
    const nightshift = createNightshift({ state, env: { PATH: '/usr/bin:/bin', TOKEN: 't', OTHER: 'o' } });
    try {
      const read = await nightshift.read(file);
      const { jobs, warnings } = await nightshift.plan(read);
      expect((await nightshift.untold(read)).warnings).toEqual(warnings);
      const [planned] = jobs;
      const looked = (await nightshift.rehearse(read)).jobs[0]?.effects[0];
      return { warnings, note: planned?.note, effect: planned?.effects[0], looked };
    } finally {
      await nightshift.close();
    }
  };
}

test('another path after it landed: plan and run say that nothing is sent for it, and what to do', async () => {
  const plan = await landedAs({});
  expect(await plan({})).toMatchObject({ warnings: [], note: undefined, effect: { action: 'nothing' } });
  const why = 'post landed with another path; what is there stays so, unless a higher revision updates it';
  expect(await plan({ with: '{ path: "q-{{ slug }}.md" }' })).toMatchObject({
    warnings: [
      'options were edited since they landed (post of blog / a / one: path): what is there stays so, unless a higher revision updates it',
    ],
    note: why,
    effect: { action: 'nothing', why },
  });
});

test('it is said in a batch of more jobs as well, and not where the revision was raised', async () => {
  const plan = await landedAs({});
  const options = '{ path: "q-{{ slug }}.md" }';
  const jobs = ', { site: blog, category: a, slug: two }';
  expect((await plan({ with: options, jobs })).warnings).toHaveLength(1);
  expect(await plan({ with: options, revision: 2 })).toMatchObject({
    warnings: [],
    note: undefined,
    effect: { action: 'update' },
  });
});

const http = (more: string): Written => ({
  use: 'http',
  with: `{ url: "https://blog.test/posts", ${more} }`,
});

test('what only says how it is sent or looked for may be edited without a word', async () => {
  const plan = await landedAs(http('body: "x", timeout: 30s, headers: { authorization: "${env:TOKEN}" }'));
  const other = 'body: "x", timeout: 60s, headers: { authorization: "${env:OTHER}" }';
  expect(await plan(http(other))).toMatchObject({ note: undefined });
  expect(await plan(http(`${other}, lookup: { url: "http://127.0.0.1:1/{{ effect.key }}" }`))).toMatchObject({
    note: undefined,
  });
  const why = expect.stringMatching(/^post landed with another body;/) as string;
  expect(await plan(http('body: "y", timeout: 60s'))).toMatchObject({
    note: why,
    looked: { action: 'nothing', why }, // there is nothing to ask
  });
});

test('a default that is written out is no other option', async () => {
  const plan = await landedAs(http('body: "x"'));
  expect(await plan(http('body: "x", method: POST'))).toMatchObject({ warnings: [], note: undefined });
  expect((await plan(http('body: "x", method: PUT'))).note).toMatch(/^post landed with another method;/);
});

test('where a secret is only a reference, an option that one side lacks may be its default', async () => {
  const ghost = (more: string): Written => ({
    use: 'ghost',
    with: `{ url: "https://blog.test", key: "\${env:KEY}", slug: one, title: One${more} }`,
  });
  const plan = await landedAs(ghost(''));
  expect((await plan(ghost(', status: published'))).note).toBeUndefined();
  expect(
    (await plan({ ...ghost(''), with: ghost('').with?.replace('title: One', 'title: Two') ?? '' })).note,
  ).toMatch(/^post landed with another title;/);
});

test.each('git postgres s3 azure-blob wordpress ghost http smtp resend stripe'.split(' '))(
  '%s: what is named as handling is among its options',
  async (use) => {
    const { handling = [], options } = await loadPublisher(use, '/');
    const { shape } = options as unknown as { shape: Record<string, unknown> };
    expect(Object.keys(shape)).toEqual(expect.arrayContaining([...handling]));
    expect(handling.length).toBeGreaterThan(0);
  },
);

test('another publisher for the same effect is said', async () => {
  const plan = await landedAs({});
  expect((await plan(http('body: "x"'))).note).toMatch(/^post landed with another use;/);
});

test('where nobody knows what was sent, or from which artifact, nothing is said', async () => {
  const other: Written = { with: '{ path: "q-{{ slug }}.md" }' };
  expect((await (await landedAs({}, { sent: false }))(other)).note).toBe(undefined);
  expect((await (await landedAs({}, { artifactSince: 'b'.repeat(64) }))(other)).note).toBe(undefined);
});
