// What a person is shown before a yes: what would be sent, filled in for this job, and never a secret.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askedInShort } from '../../src/activities/effect-preview.js';
import { billed } from '../../src/activities/publishers/stripe/billed.js';
import { moneyText } from '../../src/activities/publishers/stripe/money.js';
import { requestSha256Of } from '../../src/activities/try-effect.js';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { effectsOf } from '../../src/batch/effects.js';
import { storeManifest } from '../../src/batch/manifest.js';
import { readBatch } from '../../src/batch/read-batch.js';
import type { Environment } from '../../src/batch/secrets.js';
import { shownOptions } from '../../src/batch/shown-options.js';
import { approvalLines } from '../../src/cli/approvals.js';
import { waitingApprovals, type WaitingApproval } from '../../src/client/approvals.js';
import type { Connections } from '../../src/client/connections.js';
import { rendered } from '../../src/report/line.js';
import { makeReport } from '../../src/report/morning/make-report.js';
import { BATCH, NOBODY, aLedger, claimed, openBatch, temporaryFolder } from './ledger-fixture.js';

const SECRET = 'sk_test_planted_secret';
const ENV = { SK: SECRET, TOKEN: 'planted-token-of-the-crm' };
const EFFECTS = `
  - name: invoice
    use: stripe
    target: "invoice of {{ slug }}"
    approval: required
    with:
      apiKey: "\${env:SK}"
      customer: "cus_{{ slug }}"
      currency: eur
      maxAmount: 50000
      lines: [{ description: "Articles", amount: "{{ cents }}" }]
  - name: call
    use: http
    target: crm
    approval: required
    with:
      url: "https://crm.example.com/{{ slug }}"
      headers: { authorization: "Bearer \${env:TOKEN}", x-api-key: literal-key-in-the-file }
      body: '{"amount":{{ cents }},"text":"{{ text }}"}'
      idempotencyHeader: Idempotency-Key
`;

interface AskedOptions {
  readonly artifactText?: string;
  readonly note?: string;
  readonly env?: Environment;
  /** Further effects. */
  readonly more?: string;
}

/** Two jobs that differ in their amount; each has made the same artifact, and its effects wait for a yes. */
async function asked({
  artifactText = 'Thank you.\n',
  note = 'fine',
  env = ENV,
  more = '',
}: AskedOptions = {}) {
  const { ledger } = await aLedger();
  const dir = temporaryFolder();
  const artifacts = folderArtifactStore({ root: join(dir, 'artifacts') });
  const write = async (currency: string) => {
    const job = (slug: string, cents: number) =>
      JSON.stringify({ site: 'blog', category: 'a', slug, cents, text: note });
    writeFileSync(
      join(dir, 'batch.yaml'),
      `name: nightly\nwork: article\nagent: { use: command, command: ["true"], env: { K: "\${env:SK}" } }\njobs: [${job('anna', 1250)}, ${job('bob', 49900)}]\neffects:${EFFECTS.replace('eur', currency)}${more}`,
    );
    const batch = await readBatch(join(dir, 'batch.yaml'));
    return { batch, manifest: JSON.stringify(await storeManifest(batch, artifacts)) };
  };
  const { batch, manifest } = await write('eur');
  await openBatch(ledger, ['anna', 'bob'], { manifest });
  const { sha256: artifact } = await artifacts.put(Buffer.from(artifactText), 'text/plain');
  for (const job of batch.jobs) {
    await claimed(ledger, job.identity['slug'] ?? '');
    for (const effect of effectsOf(batch.definition, job)) {
      const { key: effectKey, name, target, use } = effect;
      const requestSha256 = requestSha256Of(effect, artifact, job.revision);
      const request = { effectKey, name, target, use, requestSha256, artifact, revision: job.revision };
      await ledger.askApproval(
        { ...request, work: 'article', jobKey: job.key, batchId: BATCH, onTimeout: 'hold' },
        NOBODY,
      );
    }
  }
  const connections = { ledger: async () => ledger, artifacts, config: { env, stateDir: dir } };
  const waiting = () => waitingApprovals({ scope: { kind: 'all' } }, connections as unknown as Connections);
  const restart = async (currency: string) =>
    openBatch(ledger, ['anna', 'bob'], { runId: 'run-2', manifest: (await write(currency)).manifest });
  return { ledger, artifacts, dir, waiting, restart };
}

const shell = { command: (...words: readonly string[]) => ['nightshift', ...words].join(' ') };
const textOf = (approval: WaitingApproval): string =>
  approvalLines(approval, shell)
    .map((line) => rendered(line))
    .join('\n');
const named = (waiting: readonly WaitingApproval[], name: string, slug: string): WaitingApproval => {
  const found = waiting.find((one) => one.name === name && one.identity['slug'] === slug);
  if (!found) throw new Error(`${name} of ${slug} does not wait`);
  return found;
};
/** What tells one request from another, whatever it shows. */
const withoutNames = (text: string): string =>
  text.replaceAll(/anna|bob/g, 'SLUG').replaceAll(/[0-9a-f]{12}@[0-9a-f]{8}/g, 'KEY');

test('two invoices that differ in their amount alone look different, as money; a body shows what it sends', async () => {
  const { waiting } = await asked();
  const all = await waiting();
  const [anna, bob] = [named(all, 'invoice', 'anna'), named(all, 'invoice', 'bob')];
  expect(anna.preview.sent?.says).toEqual(['12.50 EUR to cus_anna', '12.50 EUR: Articles']);
  expect(bob.preview.sent?.says).toEqual(['499.00 EUR to cus_bob', '499.00 EUR: Articles']);
  expect(textOf(anna)).toContain('12.50 EUR to cus_anna');
  expect(textOf(anna)).toMatch(/lines\[0\]\.amount +1250/);
  expect(withoutNames(textOf(anna))).not.toBe(withoutNames(textOf(bob)));

  const [call, other] = [named(all, 'call', 'anna'), named(all, 'call', 'bob')];
  expect(textOf(call)).toContain('once sent, it can’t be taken back');
  expect(textOf(anna)).not.toContain('taken back');
  expect(textOf(call)).toContain('https://crm.example.com/anna');
  expect(textOf(call)).toContain('{"amount":1250,"text":"fine"}');
  expect(call.preview.sent?.options[0]?.name, 'as its documentation has them').toBe('url');
  expect(withoutNames(textOf(call))).not.toBe(withoutNames(textOf(other)));
});

test('the value of a secret is shown nowhere, also where the artifact or a job has it; its reference is', async () => {
  const { waiting } = await asked({ artifactText: `token ${SECRET}\n`, note: ENV.TOKEN });
  const all = await waiting();
  const shown = JSON.stringify(all.map(({ preview }) => preview)) + all.map(textOf).join('\n');
  expect(shown).not.toContain(SECRET);
  expect(shown).not.toContain('literal-key-in-the-file');
  expect(JSON.stringify(named(all, 'call', 'anna').preview)).not.toContain(ENV.TOKEN);
  expect(shown).toContain('Bearer ${env:TOKEN}');
  expect(shown).toContain('${env:SK}');
});

test('whoever lacks the secrets is told as well what can’t be taken back, and a broken module hides no request', async () => {
  const own = '  - { name: own, use: ./own.mjs, target: somewhere, approval: required }\n';
  const { dir, waiting } = await asked({ env: {}, more: own });
  writeFileSync(
    join(dir, 'own.mjs'),
    `import { definePublisher } from 'nightshift/adapter';
import { z } from 'zod';
globalThis.ownMade = 0;
export default definePublisher({ name: 'own', version: '1', options: z.strictObject({}),
  create: () => { globalThis.ownMade++; throw new TypeError('no such driver'); } });`,
  );
  const all = await waiting();
  expect(all).toHaveLength(6);
  expect(named(all, 'invoice', 'anna').preview.irreversible).toBeUndefined();
  expect(named(all, 'call', 'anna').preview.irreversible).toBe(true);
  expect(named(all, 'own', 'anna').preview.irreversible).toBe('unknown');
  expect(textOf(named(all, 'own', 'bob'))).toContain('unknown whether it can be taken back once sent');
  expect((globalThis as { ownMade?: number }).ownMade, 'one for all that wait for it').toBe(1);
});

test('of a request that its batch does not describe any more nothing is shown, and that is said', async () => {
  const { waiting, restart } = await asked();
  await restart('usd');
  const all = await waiting();
  expect(named(all, 'call', 'anna').preview.sent?.options).not.toEqual([]);
  const invoice = named(all, 'invoice', 'anna');
  expect(invoice.preview.sent).toBeUndefined();
  expect(textOf(invoice)).toContain('not known any more what it is sent with');
});

test('the morning report says what each yes would come to', async () => {
  const { ledger, artifacts, dir } = await asked();
  const given = { ledger, artifacts };
  const options = { stateDir: dir, now: new Date(), artifacts, asked: await askedInShort(BATCH, given) };
  const { decisions } = await makeReport({ id: BATCH, name: 'nightly' }, ledger, options);
  const cases = decisions.find(({ kind }) => kind === 'approval')?.cases.map(({ detail }) => detail) ?? [];
  expect(cases).toHaveLength(2);
  expect(cases.join('\n')).toContain('12.50 EUR to cus_anna');
  expect(cases.join('\n')).toContain('499.00 EUR to cus_bob');
  expect(JSON.stringify(decisions)).not.toContain(SECRET);
});

test('options are bounded, in the order asked for, and harmless on a terminal', async () => {
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`field${at}`, 'x']));
  const options = shownOptions({ ...many, body: 'b'.repeat(2_000), url: 'u' }, ['url', 'body', 'unset']);
  expect(options.slice(0, 2).map(({ name }) => name)).toEqual(['url', 'body']);
  expect(options).toHaveLength(41);
  expect(options.at(-1)?.value).toBe('and 22 more that are not shown');
  expect(options[1]?.value).toBe(`${'b'.repeat(500)}… and 1500 more characters`);

  const { waiting } = await asked({ note: 'red \\u001b[31mon\\u202e' });
  const text = textOf(named(await waiting(), 'call', 'anna'));
  expect(text).not.toMatch(/\p{Cf}|(?!\n)\p{Cc}/u);
});

test.each([
  [1250, 'eur', '12.50 EUR'],
  [49_900, 'usd', '499.00 USD'],
  [5, 'eur', '0.05 EUR'],
  [1250, 'jpy', '1250 JPY'],
  [1250, 'kwd', '1.250 KWD'],
  [99_999_999_999, 'isk', '999999999.99 ISK'],
])('%i of %s is %s', (amount, currency, text) => {
  expect(moneyText(amount, currency)).toBe(text);
});

test('an invoice says its total and its lines, also where they come as JSON; and nothing where it has none', () => {
  const lines = JSON.stringify([
    { description: 'Words', amount: 1200 },
    { description: 'Pictures', amount: '34' },
  ]);
  expect(billed({ customer: 'cus_1', currency: 'EUR', lines, apiKey: '${env:SK}' })).toEqual([
    '12.34 EUR to cus_1',
    '12.00 EUR: Words',
    '0.34 EUR: Pictures',
  ]);
  expect(billed({ customer: 'cus_1', currency: 'EUR', lines: 'none' })).toEqual([]);
});

test('a credential that a batch file spells out is not shown, wherever it stands', () => {
  const shown = shownOptions({
    url: 'https://ann:LIT1@api.example/posts?access_token=LIT2&site=${env:SITE}',
    pass: 'LIT3',
    headers: {
      'content-type': 'text/plain',
      'ocp-apim-subscription-key': 'LIT4',
      authorization: 'Bearer LIT5LIT5 ${env:TOKEN}',
      'x-own': '${env:OWN}',
    },
    note: 'send it as Basic LIT6LIT6LIT6',
    dsn: 'postgres://u:LIT7@db/x',
  });
  expect(JSON.stringify(shown)).not.toContain('LIT');
  expect(Object.fromEntries(shown.map(({ name, value }) => [name, value]))).toMatchObject({
    url: 'https://***@api.example/posts?access_token=***&site=${env:SITE}',
    'headers.content-type': 'text/plain',
    'headers.x-own': '${env:OWN}',
    note: 'send it as Basic ***',
  });
});
