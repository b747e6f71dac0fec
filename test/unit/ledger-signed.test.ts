// Receipts are signed as they are written, and handed over with all that their signatures cover.
import { generateKeyPairSync } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { receiptText } from '../../src/evidence/receipt-text.js';
import { isSignedBy, publicKeyOf, signerOf, type Signer } from '../../src/evidence/signing.js';
import type { EvidenceRow, HistoryRow, Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import {
  aPlace,
  BATCH,
  by,
  claimed,
  collected,
  effectOf,
  keyOf,
  landed,
  onPostgres,
  openBatch,
  placeOf,
  rawSql,
  receiptOf,
  settlesOf,
  startedSession,
} from './ledger-fixture.js';

const aSigner = (): Signer =>
  signerOf(
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'a test',
  );

async function open(path: string, signer?: Signer): Promise<Ledger> {
  const ledger = await openLedger({ ...placeOf(path), ...(signer && { signer }) });
  onTestFinished(() => ledger.close());
  return ledger;
}

async function handedOver(ledger: Ledger, filter: Parameters<Ledger['evidence']>[0] = {}) {
  const receipts: EvidenceRow[] = [];
  const history: HistoryRow[] = [];
  let about: unknown;
  await ledger.evidence(filter, {
    begin: async (given) => void (about = given),
    receipts: async (rows) => void receipts.push(...rows),
    history: async (rows) => void history.push(...rows),
  });
  return { about, receipts, history };
}

const holds = ({ signature = '', ...receipt }: EvidenceRow, signer: Signer): boolean =>
  isSignedBy(publicKeyOf(signer.publicKey, 'a test'), receiptText(receipt), signature);

test('each receipt has a signature that holds for what is read back, and the key is kept beside it', async () => {
  const signer = aSigner();
  const ledger = await open(await aPlace(), signer);
  await openBatch(ledger, ['one', 'two']);
  for (const slug of ['one', 'two']) {
    await claimed(ledger, slug);
    await landed(ledger, slug, { adopted: slug === 'two' });
  }

  const { about, receipts } = await handedOver(ledger);

  expect(about).toEqual({
    receipts: 2,
    unsigned: 0,
    history: 0,
    keys: { [signer.keyId]: signer.publicKey },
  });
  expect(receipts.map(({ signedBy, batchId }) => [signedBy, batchId])).toEqual([
    [signer.keyId, BATCH],
    [signer.keyId, BATCH],
  ]);
  expect(receipts.map((receipt) => holds(receipt, signer))).toEqual([true, true]);
  const [first] = receipts;
  for (const change of [{ id: 'x' }, { url: 'x' }, { adopted: true }, { target: 'x' }, { batchId: 'x' }]) {
    expect(first && holds({ ...first, ...change }, signer), JSON.stringify(change)).toBe(false);
  }
});

test('the signature holds for ids that no database keeps as they are', async () => {
  const signer = aSigner();
  const ledger = await open(await aPlace(), signer);
  await claimed(ledger, 'one');
  const effect = effectOf('one');
  const { fence } = await ledger.beginEffect(effect, by());
  const receipt = receiptOf(effect, { id: 'half \ud83d, none \0, 日本 \u{1f680}', url: 'https://x/\udc00' });
  await ledger.landEffect(receipt, undefined, fence);
  await ledger.landEffect(receipt, undefined, fence); // is the same, not another one

  const { receipts } = await handedOver(ledger);
  expect(receipts.map((row) => [row.id, holds(row, signer)])).toEqual([
    ['half \ufffd, none \ufffd, 日本 \u{1f680}', true],
  ]);
});

test('a decision is signed with the name of who took it', async () => {
  const signer = aSigner();
  const ledger = await open(await aPlace(), signer);
  const claim = await claimed(ledger, 'one');
  await ledger.endSession(await startedSession(ledger, 'one', claim), collected(), claim.fence);
  const effect = effectOf('one');
  const { fence } = await ledger.beginEffect(effect, by());
  await ledger.attemptingEffect(effect.effectKey, { sha256: 'b'.repeat(64), revision: 1 }, fence);
  await ledger.stopEffect(effect.effectKey, { state: 'unknown', errorClass: 'unknown', message: 'x' }, fence);
  await ledger.decideEffect(
    effect.effectKey,
    { landed: true, id: '7' },
    'ann',
    'seen',
    settlesOf('one', [effect]),
  );

  const [receipt] = (await handedOver(ledger)).receipts;
  expect(receipt).toMatchObject({ decidedBy: 'ann', adopted: true });
  expect(receipt && holds(receipt, signer)).toBe(true);
  expect(receipt && holds({ ...receipt, decidedBy: 'bob' }, signer)).toBe(false);
});

test('receipts of an older key, and unsigned ones, stay as they are', async () => {
  const path = await aPlace();
  const [first, second] = [aSigner(), aSigner()];
  const slugs = ['none', 'first', 'second'];
  for (const [index, signer] of [undefined, first, second].entries()) {
    const ledger = await open(path, signer);
    if (index === 0) await openBatch(ledger, slugs);
    await claimed(ledger, slugs[index] ?? '');
    await landed(ledger, slugs[index] ?? '');
    await ledger.close();
  }

  const ledger = await open(path, second);
  const { about, receipts } = await handedOver(ledger);
  expect(about).toMatchObject({ receipts: 3, unsigned: 1 });
  expect(about).toHaveProperty('keys', {
    [first.keyId]: first.publicKey,
    [second.keyId]: second.publicKey,
  });
  expect(receipts.map(({ signedBy }) => signedBy)).toEqual([undefined, first.keyId, second.keyId]);
  expect((await ledger.receipts({})).map(({ signedBy }) => signedBy)).toEqual([
    undefined,
    first.keyId,
    second.keyId,
  ]);
});

test('more receipts than a page are handed over each once and in their order', async () => {
  const path = await aPlace();
  const ledger = await open(path);
  await openBatch(ledger, ['one']);
  for (const slug of ['one', 'two']) {
    await claimed(ledger, slug);
    await landed(ledger, slug);
  }
  // Numbers of history are shared by three, as two writers may do; a page is 1,000.
  await rawSql(path)(`with recursive n(x) as (select 1 union all select x + 1 from n where x < 2500)
    insert into receipts (effect_key, revision, id, sha256, landed_at, adopted, work, job_key, batch_id, recorded_at,
        recorded_by, recorded_seq)
      select effect_key, 1 + x, id, sha256, landed_at, adopted, work, job_key, batch_id, recorded_at, recorded_by,
        recorded_seq + 100 + x / 3 from receipts, n where job_key = '${keyOf('one')}'`);

  const { about, receipts, history } = await handedOver(ledger, { history: true });

  expect(about).toMatchObject({ receipts: 2502, unsigned: 2502, history: history.length });
  expect(receipts.slice(0, 2).map(({ identity }) => identity['slug'])).toEqual(['one', 'two']);
  expect(receipts.slice(2).map(({ revision }) => revision)).toEqual(
    Array.from({ length: 2500 }, (_, index) => index + 2),
  );
  expect(history.map(({ seq }) => seq)).toEqual((await ledger.history({})).map(({ seq }) => seq));
  const ofBatch = await handedOver(ledger, { batchId: BATCH, history: true });
  expect(ofBatch.receipts).toHaveLength(2501);
  expect(ofBatch.about).toMatchObject({ receipts: 2501, history: ofBatch.history.length });
});

test('SQL itself refuses to change or remove a public key', async () => {
  const path = await aPlace();
  const ledger = await open(path, aSigner());
  await claimed(ledger, 'one');
  await landed(ledger, 'one');
  const raw = rawSql(path);
  await expect(raw(`update signing_keys set public_key = 'x'`)).rejects.toThrow(/not allowed/);
  await expect(raw('delete from signing_keys')).rejects.toThrow(/not allowed/);
  const replace = onPostgres()
    ? 'truncate signing_keys'
    : 'insert or replace into signing_keys select * from signing_keys';
  await expect(raw(replace)).rejects.toThrow(/not allowed|exists already/);
});
