// The Activity that takes an effect back, over a real ledger and a real folder: what it refuses, and what then stays.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, test } from 'vitest';
import type { CrashPoint } from '../../src/activities/crash-points.js';
import type { Deps } from '../../src/activities/deps.js';
import { folderPublisher } from '../../src/activities/publishers/folder/publisher.js';
import { unpublish } from '../../src/activities/unpublish.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { readTickets, storeManifest, type StoredJob } from '../../src/batch/manifest.js';
import { readBatch } from '../../src/batch/read-batch.js';
import type { Receipt } from '../../src/contract/receipt.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { land, receiptIn } from '../support/land.js';
import { bodyRequest, sha256 } from './folder-fixture.js';
import {
  aLedger,
  BATCH,
  by,
  claimed,
  effectOf,
  openBatch,
  settlesOf,
  temporaryFolder,
} from './ledger-fixture.js';

const POST = effectOf('one');
const UNDO = effectOf('one', 'unpublish:post');

interface Given {
  readonly env?: NodeJS.ProcessEnv;
  readonly ledger?: Ledger;
  readonly reached?: (point: CrashPoint) => Promise<void>;
}

/** A batch of one job whose effect is a file, published as given. */
async function published(text: string, path = '{{ slug }}.md') {
  const dir = temporaryFolder();
  const file = join(dir, 'batch.yaml');
  writeFileSync(
    file,
    `name: nightly
work: article
jobs: [{ site: blog, category: a, slug: one }]
agent: { use: command, command: [sh] }
effects: [{ name: post, use: folder, target: ./public, with: { path: "${path}" } }]
`,
  );
  const artifacts = folderArtifactStore({ root: join(dir, 'artifacts') });
  const manifest = await storeManifest(await readBatch(file), artifacts);
  const tickets: StoredJob[] = [];
  for await (const ticket of readTickets(manifest, artifacts)) tickets.push(ticket);
  const [{ offset, length } = { offset: 0, length: 0 }] = tickets;
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one']);

  /** A run of a revision, up to the moment when its request may leave. */
  async function begun(revision: number): Promise<number> {
    await claimed(ledger, 'one', { revision });
    const { fence } = await ledger.beginEffect({ ...POST, revision }, by());
    await ledger.attemptingEffect(POST.effectKey, { sha256: sha256('request'), revision }, fence);
    return fence;
  }

  async function publish(revision: number, words: string): Promise<void> {
    const fence = await begun(revision);
    const { effectKey, target } = POST;
    const publisher = folderPublisher({ options: { path: 'one.md' }, baseDir: dir, target });
    const receipt = receiptIn(await land(publisher, bodyRequest(words, { effectKey, target, revision })));
    await ledger.landEffect(receipt, settlesOf('one', [{ ...POST, revision }]), fence);
  }

  const takeBack = (given: Given = {}) => {
    const deps = {
      ledger: given.ledger ?? ledger,
      artifacts,
      stateDir: join(dir, 'state'),
      env: given.env ?? {},
      worker: '1@host',
      now: () => new Date(),
      reached: given.reached ?? (async () => undefined),
    } as Partial<Deps> as Deps;
    const ref = { work: POST.work, batchId: BATCH, manifest, key: POST.jobKey, offset, length };
    const request = { ...ref, effect: 'post', revision: 1 };
    return new MockActivityEnvironment().run(unpublish(deps), request);
  };
  const read = () => readFileSync(join(dir, 'public/one.md'), 'utf8');
  const undone = async (): Promise<Receipt | undefined> =>
    (await ledger.receipts({})).find(({ effectKey }) => effectKey === UNDO.effectKey);

  await publish(1, text);
  return { ledger, begun, publish, takeBack, read, undone };
}

test('nothing is taken back while nobody knows whether a newer revision landed', async () => {
  const { begun, takeBack, read, undone } = await published('words');
  await begun(2);
  expect(await takeBack()).toMatchObject({
    kind: 'refused',
    errorClass: 'unknown',
    message: expect.stringMatching(/revision 2 of post/) as string,
  });
  expect(read()).toBe('words');
  expect(await undone()).toBeUndefined();
});

test('a newer revision that is sent just before the taking back keeps it from being sent', async () => {
  const { begun, takeBack, read, ledger } = await published('words');
  const overtaken: Ledger = {
    ...ledger,
    beginEffect: async (effect, writer) => {
      const row = await ledger.beginEffect(effect, writer);
      await begun(2);
      return row;
    },
  };
  expect(await takeBack({ ledger: overtaken })).toMatchObject({ kind: 'refused', errorClass: 'conflict' });
  expect(read()).toBe('words');
});

test('a revision that lands while another is taken back is not said to be taken back', async () => {
  const { publish, takeBack, undone } = await published('words');
  const reached = async (point: CrashPoint) => {
    if (point === 'E16') await publish(2, 'more words');
  };
  expect(await takeBack({ reached })).toMatchObject({
    kind: 'refused',
    errorClass: 'conflict',
    message: expect.stringMatching(/revision 2 .*has landed by now/) as string,
  });
  expect(await undone()).toBeUndefined();
});

test('what keeps it from being sent is what is said: here a variable that is not set', async () => {
  const { takeBack, read, ledger } = await published('words', '${env:NIGHTSHIFT_TEST_NAME}.md');
  expect(await takeBack()).toMatchObject({
    kind: 'refused',
    errorClass: 'config',
    message: expect.stringContaining('NIGHTSHIFT_TEST_NAME') as string,
  });
  expect(read()).toBe('words');
  const row = await ledger.beginEffect({ ...UNDO, undoes: POST.effectKey }, by());
  expect(row).toMatchObject({ state: 'held', attempts: 0 });
  expect(await takeBack({ env: { NIGHTSHIFT_TEST_NAME: 'one' } })).toMatchObject({ kind: 'unpublished' });
});
