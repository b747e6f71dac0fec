// Mails of Resend, where a look-up that finds nothing may have missed one: what is said of those, and what is done.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { adoptFromDestinations, askDestinations } from '../../src/activities/adopt.js';
import { resendOptionsSchema } from '../../src/activities/publishers/resend/options.js';
import { resendPublisher } from '../../src/activities/publishers/resend/publisher.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { effectsOf } from '../../src/batch/effects.js';
import { storeManifest } from '../../src/batch/manifest.js';
import { readBatch } from '../../src/batch/read-batch.js';
import type { Connections } from '../../src/client/connections.js';
import { verifyLedger } from '../../src/client/verify-ledger.js';
import type { BatchRow } from '../../src/ledger/ledger.js';
import { land, receiptIn } from '../support/land.js';
import { aFake } from './fake-destinations-fixture.js';
import { bodyRequest, context } from './folder-fixture.js';
import { aLedger, by, claimed, openBatch, settlesOf, stateOf, temporaryFolder } from './ledger-fixture.js';

/** A job whose mail was sent, and is not in the list of sent mails any more. */
async function aMailSentLongAgo() {
  const fake = await aFake({ resend: { listRetentionMs: 0 } });
  const dir = temporaryFolder();
  const file = join(dir, 'batch.yaml');
  const options = {
    apiKey: 're_1',
    from: 'desk@example.com',
    to: 'reader@example.com',
    subject: 'One',
    url: fake.url,
  };
  writeFileSync(
    file,
    `name: nightly
work: article
jobs: [{ site: blog, category: a, slug: one }]
agent: { use: command, command: [sh] }
effects: [{ name: mail, use: resend, target: readers, with: ${JSON.stringify(options)} }]
`,
  );
  const { definition, jobs } = await readBatch(file);
  const artifacts = folderArtifactStore({ root: join(dir, 'artifacts') });
  const manifest = await storeManifest({ definition, jobs }, artifacts);
  const [job] = jobs;
  const [effect] = job ? effectsOf(definition, job) : [];
  if (!job || !effect) throw new Error('the batch has no effect');
  const { ledger } = await aLedger();
  await openBatch(ledger, ['one']);
  await claimed(ledger, 'one');

  const publisher = resendPublisher(resendOptionsSchema.parse(options));
  const receipt = receiptIn(await land(publisher, bodyRequest('words', { effectKey: effect.key })));
  const id = { work: definition.work, jobKey: job.key, effectKey: effect.key, revision: 1 };
  const booked = { ...id, name: effect.name, target: effect.target, use: effect.use };
  const config = { env: {}, stateDir: dir };
  const sent = async () => (await fake.requests()).filter(({ method }) => method === 'POST').length;
  return { ledger, definition, job, artifacts, manifest, receipt, booked, config, sent };
}

test('a receipt’s mail is looked for by its id, and one that is not found is not called missing', async () => {
  const { ledger, artifacts, manifest, receipt, booked, config } = await aMailSentLongAgo();
  const row = { manifest: JSON.stringify(manifest) } as BatchRow;
  const connections = { ledger: async () => ledger, artifacts, config } as unknown as Connections;
  const { fence } = await ledger.beginEffect(booked, by());
  await ledger.landEffect(receipt, settlesOf('one', [booked]), fence);
  expect((await verifyLedger([row], connections)).counts).toMatchObject({ same: 1, missing: 0 });

  const raised = { ...booked, revision: 2 };
  await claimed(ledger, 'one', { revision: 2 });
  const { fence: second } = await ledger.beginEffect(raised, by());
  const assumed = { ...receipt, id: `assumed:${booked.effectKey}`, revision: 2 };
  await ledger.landEffect(assumed, settlesOf('one', [raised]), second);
  const { counts } = await verifyLedger([row], connections);
  expect(counts).toMatchObject({ unasked: 1, missing: 0 });
});

test('a mail that an earlier run may have sent is held where the ledger is new, and not sent again', async () => {
  const { ledger, definition, job, config, sent } = await aMailSentLongAgo();
  const asking = { definition, job, context };
  const answers = await askDestinations(asking, { ...config, ledger });
  const adopted = await adoptFromDestinations(answers, asking, ledger, by(), async () => true);
  expect(adopted).toMatchObject({ kind: 'held', errorClass: 'unknown' });
  expect(await stateOf(ledger, 'one')).toBe('held');
  expect(await sent()).toBe(1);
});

test('where no other run is known, the agent runs', async () => {
  const { ledger, definition, job, config } = await aMailSentLongAgo();
  const asking = { definition, job, context };
  const answers = await askDestinations(asking, { ...config, ledger });
  expect(await adoptFromDestinations(answers, asking, ledger, by(), async () => false)).toBeUndefined();
});
