// Receipts compared with a folder: also those whose effect the batch file does not name any more.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { publisherFor } from '../../src/activities/publishers/publisher-for.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { effectIdOf, effectsOf, undoOf } from '../../src/batch/effects.js';
import { standing } from '../../src/batch/landed-before.js';
import { storeManifest } from '../../src/batch/manifest.js';
import { readBatch } from '../../src/batch/read-batch.js';
import { verificationLines } from '../../src/cli/ledger-verify.js';
import type { Connections } from '../../src/client/connections.js';
import { verifyLedger } from '../../src/client/verify-ledger.js';
import { rendered } from '../../src/report/line.js';
import { land, receiptIn } from '../support/land.js';
import { bodyRequest } from './folder-fixture.js';
import {
  aLedger,
  by,
  claimed,
  effectOf,
  identityOf,
  keyOf,
  openBatch,
  receiptOf,
  settlesOf,
  temporaryFolder,
} from './ledger-fixture.js';

const GONE = 'f'.repeat(64);

/** The folder of a batch, whose file is edited between its runs. Slugs are jobs. */
async function aBatchFolder() {
  const dir = temporaryFolder();
  const { ledger } = await aLedger();
  const artifacts = folderArtifactStore({ root: join(dir, 'artifacts') });
  const config = { env: {}, stateDir: dir };
  const connections = { ledger: async () => ledger, artifacts, config } as unknown as Connections;
  const edited = async (id: string, slugs: readonly string[], effect: string, path: string) => {
    const file = join(dir, 'batch.yaml');
    writeFileSync(
      file,
      `name: nightly
work: article
jobs: ${JSON.stringify(slugs.map((slug) => ({ site: 'blog', category: 'a', slug })))}
agent: { use: command, command: [sh] }
effects: [{ name: ${effect}, use: folder, target: public, with: { path: '${path}' } }]
`,
    );
    const batch = await readBatch(file);
    const manifest = JSON.stringify(await storeManifest(batch, artifacts));
    runs += 1;
    await openBatch(ledger, slugs, { id, manifest, runId: `run-${runs}` });
    return batch;
  };
  let runs = 0;

  return {
    edited,
    /** The batch is run: a job that is not done lands what its effect is now. */
    async ran(id: string, slugs: readonly string[], effect = 'post', path = '{{ slug }}.md') {
      const { definition, jobs } = await edited(id, slugs, effect, path);
      for (const [at, job] of jobs.entries()) {
        const slug = slugs[at] ?? '';
        for (const one of effectsOf(definition, job)) {
          await claimed(ledger, slug, { by: by(id), fingerprint: job.fingerprint, effectKeys: [one.key] });
          const publisher = await publisherFor(one, definition.baseDir, config);
          const request = bodyRequest(slug, { effectKey: one.key, jobKey: job.key });
          const receipt = receiptIn(await land(publisher, request));
          const booked = effectIdOf(definition.work, job, one);
          const { fence } = await ledger.beginEffect(booked, by(id));
          await ledger.landEffect(receipt, settlesOf(slug, [booked]), fence);
        }
      }
    },
    remove: (file: string) => rmSync(join(dir, 'public', file)),
    /** It has landed a mail, too, of which no list tells. */
    async mailed(id: string, slug: string) {
      const [job] = (await edited(id, [slug], 'post', '{{ slug }}.md')).jobs;
      const mail = { ...effectOf(slug, 'mail'), use: 'smtp' };
      await claimed(ledger, slug, { fingerprint: job?.fingerprint ?? '', effectKeys: [mail.effectKey] });
      const { fence } = await ledger.beginEffect(mail, by());
      await ledger.landEffect(receiptOf(mail), settlesOf(slug, [mail]), fence);
    },
    async loseListOf(id: string) {
      const manifest = {
        ...(JSON.parse((await ledger.batch(id))?.manifest ?? '') as object),
        definition: GONE,
      };
      await openBatch(ledger, [], { id, manifest: JSON.stringify(manifest), runId: 'run-lost' });
    },
    async verified(ids?: readonly string[]) {
      const batches = await ledger.batches();
      const meant = batches.filter(({ id }) => ids?.includes(id) ?? true);
      const found = await verifyLedger(meant, connections);
      return {
        ...found,
        text: verificationLines(found)
          .map((line) => rendered(line))
          .join('\n'),
      };
    },
  };
}

test('a receipt whose effect was renamed since is counted and named, though nobody can be asked for it', async () => {
  const batch = await aBatchFolder();
  await batch.ran('batch:nightly:1', ['one'], 'post', 'post-{{ slug }}.md');
  await batch.ran('batch:nightly:1', ['one'], 'page', 'page-{{ slug }}.md');
  batch.remove('post-one.md');

  const { counts, findings, text } = await batch.verified();
  expect(counts).toMatchObject({ same: 1, former: 1, missing: 0 });
  expect(findings).toMatchObject([{ drift: 'former', name: 'post' }]);
  expect(findings[0]?.place).toMatch(/post-one\.md$/);
  expect(text).toContain('1 job: 1 as the receipt says, 1 of a former effect, not asked');
});

test('what the batch that it landed in still has is asked for as it was sent', async () => {
  const batch = await aBatchFolder();
  await batch.ran('batch:nightly:1', ['one', 'two'], 'post', 'post-{{ slug }}.md');
  await batch.ran('batch:nightly:2', ['one'], 'page', 'page-{{ slug }}.md');
  expect((await batch.verified()).counts).toMatchObject({ same: 3, former: 0, missing: 0 });

  batch.remove('post-one.md');
  const { counts, findings } = await batch.verified();
  expect(counts).toMatchObject({ same: 2, former: 0, missing: 1 });
  expect(findings).toMatchObject([{ drift: 'missing', name: 'post' }]);
  expect(findings[0]?.place).toMatch(/post-one\.md$/);
});

test('a batch whose list is gone takes from nobody what the others have answered', async () => {
  const batch = await aBatchFolder();
  await batch.ran('batch:nightly:1', ['one'], 'post', 'post-{{ slug }}.md');
  await batch.ran('batch:nightly:2', ['one'], 'page', 'page-{{ slug }}.md');
  await batch.loseListOf('batch:nightly:1');
  const { counts, findings } = await batch.verified(['batch:nightly:2']);
  expect(counts).toMatchObject({ same: 1, former: 1 });
  expect(findings).toMatchObject([{ drift: 'former', name: 'post' }]);
});

test('a former effect of a destination that nobody can ever ask is no fault', async () => {
  const batch = await aBatchFolder();
  await batch.ran('batch:nightly:1', ['one']);
  await batch.mailed('batch:nightly:1', 'one');
  const { counts } = await batch.verified();
  expect(counts).toMatchObject({ same: 1, unasked: 1, former: 0 });
});

test('one that was taken back is looked for nowhere', () => {
  const job = { work: 'article', jobKey: keyOf('one') };
  const effect = effectOf('one', 'post', 2);
  const row = { ...job, identity: identityOf('one'), name: 'post', target: effect.target };
  const first = { ...receiptOf({ ...effect, revision: 1 }), ...row };
  const second = { ...receiptOf(effect), ...row };
  expect(standing([first, second])).toEqual([second]);
  const undo = undoOf({ ...job, name: 'post', target: effect.target });
  const undone = { ...second, effectKey: undo.key, name: undo.name, undoes: effect.effectKey };
  expect(standing([first, second, undone])).toEqual([]);
  expect(standing([first, { ...undone, revision: 1 }, second])).toEqual([second]);
});
