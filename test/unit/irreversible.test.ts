// Effects that nothing takes back are marked wherever somebody decides whether they are to leave.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { planLines } from '../../src/cli/plan-lines.js';
import { createNightshift } from '../../src/client/nightshift.js';
import { rendered } from '../../src/report/line.js';

const EFFECTS = {
  bill: '{ name: bill, use: stripe, target: "{{ slug }}", with: { apiKey: "${env:SK}", customer: cus_1, currency: eur, maxAmount: 50, lines: [{ description: x, amount: 5 }] } }',
  mail: '{ name: mail, use: smtp, target: readers, with: { host: 127.0.0.1, from: desk@example.com, to: reader@example.com, subject: One } }',
  hook: '{ name: hook, use: http, target: crm, approval: required, with: { url: "http://127.0.0.1:9/", idempotencyHeader: Idempotency-Key } }',
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

test('one that leaves before what may still fail is named, with what to do', async () => {
  const { warnings } = await planOf(['mail', 'bill', 'post', 'hook']);
  expect(warnings).toEqual([
    'mail can’t be taken back, and leaves before post, which may still fail; name it last in "effects"',
  ]);
  expect((await planOf(['mail', 'hook'])).warnings).toEqual([]);
});
