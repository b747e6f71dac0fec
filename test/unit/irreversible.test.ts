// Effects that nothing takes back are marked wherever somebody decides whether they are to leave.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { planLines } from '../../src/cli/plan-lines.js';
import { factsOf, irreversibleOf } from '../../src/client/facts-of.js';
import { createNightshift } from '../../src/client/nightshift.js';
import type { Config } from '../../src/config.js';
import type { Effect } from '../../src/contract/job.js';
import { rendered } from '../../src/report/line.js';

const EFFECTS = {
  bill: '{ name: bill, use: stripe, target: "{{ slug }}", with: { apiKey: "${env:SK}", customer: cus_1, currency: eur, maxAmount: 50, lines: [{ description: x, amount: 5 }] } }',
  mail: '{ name: mail, use: smtp, target: readers, with: { host: 127.0.0.1, from: desk@example.com, to: reader@example.com, subject: One } }',
  hook: '{ name: hook, use: http, target: crm, approval: required, with: { url: "http://127.0.0.1:9/", idempotencyHeader: Idempotency-Key } }',
  own: '{ name: own, use: ./own.mjs, target: somewhere }',
  post: '{ name: post, use: folder, target: ./public, with: { path: "{{ slug }}.md" } }',
};

async function planOf(effects: readonly (keyof typeof EFFECTS)[]) {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-final-'));
  const file = join(dir, 'batch.yaml');
  writeFileSync(
    file,
    `name: nightly
work: article
identity: [slug]
jobs: [{ slug: one }, { slug: two }]
agent: { use: command, command: [sh] }
effects:\n${effects.map((name) => `  - ${EFFECTS[name]}\n`).join('')}`,
  );
  // On this host nothing can be made of it.
  writeFileSync(
    join(dir, 'own.mjs'),
    `import { AdapterError, definePublisher } from 'nightshift/adapter';
import { z } from 'zod';
export default definePublisher({ name: 'own', version: '1', options: z.strictObject({}),
  create: () => { throw new AdapterError('config', 'the driver is not installed', { sent: 'no' }); } });`,
  );
  const nightshift = createNightshift({
    state: join(dir, 'state'),
    env: { PATH: '/usr/bin:/bin', SK: 'sk_test_1' },
  });
  onTestFinished(() => nightshift.close());
  const plan = await nightshift.plan(await nightshift.read(file));
  return {
    plan,
    text: planLines(plan)
      .map((line) => rendered(line))
      .join('\n'),
    warnings: orderOf(plan.warnings),
  };
}

const orderOf = (warnings: readonly string[]) => warnings.filter((text) => text.includes('leaves before'));

test('a plan marks what can’t be taken back, counts it, and leaves the rest unmarked', async () => {
  const { plan, text, warnings } = await planOf(['bill', 'post', 'mail', 'hook']);
  expect(plan.jobs[0]?.effects.map(({ name, irreversible }) => [name, irreversible])).toEqual([
    ['bill', undefined],
    ['post', undefined],
    ['mail', true],
    ['hook', true],
  ]);
  expect(text).toContain('post: create, mail: create (can’t be taken back), hook: create (');
  expect(text).toMatch(/hook: create \(waits for approval; can’t be taken back\)/);
  expect(text).toMatch(/ 4 can’t be taken back +once sent, no "unpublish" undoes it/);
  expect(warnings).toEqual([]);
});

test('what can’t be told here is marked as unknown, counted, and not taken for one that unpublish undoes', async () => {
  const { plan, text, warnings } = await planOf(['own', 'post']);
  expect(plan.jobs[0]?.effects.map(({ irreversible }) => irreversible)).toEqual(['unknown', undefined]);
  expect(text).toContain('own: create (unknown whether it can be taken back), post: create');
  expect(text).toMatch(/ 2 unknown whether it can be taken back +the publisher can’t be made here/);
  expect(warnings).toEqual([]);
});

test('one that leaves before what may still fail is named, with what to do', async () => {
  const { warnings } = await planOf(['mail', 'bill', 'post', 'hook']);
  expect(warnings).toEqual([
    'mail can’t be taken back, and leaves before post, which may still fail; name it last in "effects"',
  ]);
  expect((await planOf(['mail', 'hook'])).warnings).toEqual([]);
});

const DESTINATIONS: [use: string, options: object, irreversible: boolean][] = [
  [
    'stripe',
    {
      apiKey: '${env:NONE}',
      customer: 'cus_1',
      currency: 'eur',
      maxAmount: 9,
      lines: [{ description: 'x', amount: 5 }],
    },
    false,
  ],
  ['ghost', { url: 'https://blog.example.com', key: '${env:NONE}', title: 'One', slug: 'one' }, false],
  [
    'wordpress',
    { url: '${env:NONE}', username: 'desk', password: '${env:NONE2}', title: 'One', slug: 'one' },
    false,
  ],
  [
    'resend',
    { apiKey: '${env:NONE}', from: 'desk@example.com', to: ['reader@example.com'], subject: 'One' },
    true,
  ],
  [
    'smtp',
    {
      host: '${env:NONE}',
      user: 'desk',
      pass: '${env:NONE2}',
      from: 'desk@example.com',
      to: 'reader@example.com',
      subject: 'One',
    },
    true,
  ],
  [
    'http',
    {
      url: 'https://crm.example.com/',
      idempotencyHeader: 'Idempotency-Key',
      headers: { authorization: 'Bearer ${env:NONE}' },
    },
    true,
  ],
  ['postgres', { url: '${env:NONE}', table: 'posts', keyColumn: 'key', columns: { body: 'x' } }, false],
  ['git', { path: 'a.md', token: '${env:NONE}' }, false],
  [
    's3',
    { key: 'a.md', region: 'eu-west-1', accessKeyId: '${env:NONE}', secretAccessKey: '${env:NONE2}' },
    false,
  ],
  ['azure-blob', { key: 'a.md', connectionString: '${env:NONE}', container: 'posts' }, false],
];

test.each(DESTINATIONS)(
  '%s: whether it can be taken back is known without its secrets',
  async (use, options, irreversible) => {
    const target = { s3: 's3://bucket/posts', git: 'https://git.example.com/site.git' }[use] ?? 'posts';
    const effect = { name: 'out', use, target, key: '0'.repeat(32), with: options } as unknown as Effect;
    const config = {
      env: {},
      stateDir: mkdtempSync(join(tmpdir(), 'nightshift-facts-')),
    } as unknown as Config;
    const facts = await factsOf(effect, '/', { config });
    expect(facts).toBeDefined();
    expect(irreversibleOf(facts)).toBe(irreversible ? true : undefined);
  },
);
