// Secrets stand in batch files as references: what spells one out is refused before anything starts, and is not repeated.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hasLogin, withoutLogin } from '../../src/batch/credentials.js';
import { declaredIn } from '../../src/batch/declared.js';
import { effectsOf } from '../../src/batch/effects.js';
import { readBatch } from '../../src/batch/read-batch.js';
import { shown } from '../../src/batch/shown.js';
import { foreseenTrouble } from '../../src/activities/foreseen.js';
import { InvalidBatch } from '../../src/contract/errors.js';

const PLANTED = 'pl4nted-Passw0rd';

async function read(effect: string, jobs = '[{ slug: one }]') {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-spelled-out-'));
  const file = join(dir, 'batch.yaml');
  const text = `name: nightly\nwork: article\nidentity: [slug]\njobs: ${jobs}\nagent: { use: command, command: [sh] }\neffects:\n  - ${effect}\n`;
  writeFileSync(file, text);
  return readBatch(file);
}

async function refusalOf(effect: string, jobs?: string): Promise<string> {
  try {
    const { definition, jobs: placed } = await read(effect, jobs);
    for (const job of placed) effectsOf(definition, job);
  } catch (error) {
    if (error instanceof InvalidBatch)
      return error.problems.map((problem) => JSON.stringify(problem)).join('\n');
    return String(error);
  }
  throw new Error(`not refused: ${effect}`);
}

async function foreseenOf(effect: string) {
  const { definition, jobs: placed } = await read(effect);
  const declared = declaredIn({ effects: definition.effects }, definition.baseDir);
  const effects = placed[0] ? effectsOf(definition, placed[0]) : [];
  const on = { env: { TOKEN: PLANTED }, worksHere: true, left: 'sessions' as const };
  return foreseenTrouble(declared, effects, on);
}

test.each([
  ['password', `git`, `https://ci:${PLANTED}@git.example.org/site.git`],
  ['token as the name', `git`, `https://${PLANTED}@git.example.org/site.git`],
  ['token in the query', `http`, `https://api.example.org/posts?token=${PLANTED}`],
  ['signature of Azure', `azure-blob`, `https://a.blob.core.windows.net/posts?sv=1&sig=${PLANTED}`],
])('a target with a %s is refused, and not repeated', async (_, use, target) => {
  const said = await refusalOf(`{ name: post, use: ${use}, target: "${target}", with: { path: a } }`);
  expect(said).toContain('spells out a credential');
  expect(said).not.toContain(PLANTED);
});

test('a job that fills a credential into a target is refused, and it is not repeated', async () => {
  const said = await refusalOf(
    '{ name: post, use: folder, target: "https://example.org/{{ place }}", with: { path: a } }',
    `[{ slug: one, place: "x?access_token=${PLANTED}" }]`,
  );
  expect(said).toContain('spells out a credential');
  expect(said).not.toContain(PLANTED);
});

test.each([
  [
    'smtp',
    'pass',
    `{ host: mail.example.org, user: desk, pass: ${PLANTED}, from: a@example.org, subject: s }`,
  ],
  ['postgres', 'url', `{ url: "postgres://u:${PLANTED}@db.example.org/site" }`],
  ['git', 'token', `{ path: a, token: ${PLANTED} }`],
  [
    'http',
    'headers.authorization',
    `{ url: "https://example.org", headers: { authorization: "Bearer ${PLANTED}" } }`,
  ],
  [
    'http',
    'webhook.secret[1]',
    `{ url: "https://example.org", webhook: { secret: ["\${env:TOKEN}", ${PLANTED}] } }`,
  ],
])('%s refuses a spelled-out %s', async (use, option, options) => {
  const found = await foreseenOf(`{ name: post, use: ${use}, target: "a.b", with: ${options} }`);
  const said = found.map(({ message, hint }) => `${message}; ${hint}`).join('\n');
  expect(said).toContain(`effects[0].with.${option} spells out a secret; name a variable`);
  expect(said).not.toContain(PLANTED);
});

test.each([
  ['smtp', '{ host: mail.example.org, user: desk, pass: "${env:TOKEN}", from: a@example.org, subject: s }'],
  ['postgres', '{ url: "postgres://u:${env:TOKEN}@db.example.org/site" }'],
  [
    'http',
    '{ url: "https://example.org", headers: { authorization: "Bearer ${env:TOKEN}", accept: "text/html" } }',
  ],
])('%s takes a reference', async (use, options) => {
  const found = await foreseenOf(`{ name: post, use: ${use}, target: "a.b", with: ${options} }`);
  expect(found.filter(({ message }) => message.includes('spells out'))).toEqual([]);
});

const CHANNELS: (readonly [use: string, option: string, fields: string, secret?: string])[] = [
  ['email', 'pass', 'host: mail.example.org, user: desk, from: a@example.org, to: b@example.org, pass: '],
  ['ntfy', 'token', 'topic: ops, token: '],
  ['webhook', 'secret', 'url: "https://example.org/alerts", secret: '],
  ['slack', 'url', 'url: '],
  ['pagerduty', 'routingKey', 'routingKey: '],
  ['webhook', 'url', 'url: ', `https://ops:${PLANTED}@example.org/alerts`],
];

test.each(CHANNELS)(
  'a channel %s with a spelled-out %s is refused',
  async (use, option, fields, secret = PLANTED) => {
    const post = '{ name: post, use: folder, target: ./public, with: { path: a } }';
    const said = await refusalOf(`${post}\nalerts: [{ use: ${use}, ${fields}"${secret}" }]`);
    expect(said).toContain(`alerts[0].${option} spells out a secret`);
    expect(said).not.toContain(PLANTED);
    await read(`${post}\nalerts: [{ use: ${use}, ${fields}"\${env:TOKEN}" }]`);
  },
);

test.each([
  `https://ops:${PLANTED}@monitor.example/ping`,
  `https://monitor.example/ping?api_key=${PLANTED}`,
  `https://ops:\${env:TOKEN}-${PLANTED}@monitor.example/ping`,
])('a dead-man monitor with a login in its URL is refused: %s', async (url) => {
  const post = '{ name: post, use: folder, target: ./public, with: { path: a } }';
  const said = await refusalOf(`${post}\ndeadMan: { url: ${JSON.stringify(url)} }`);
  expect(said).toContain('deadMan.url spells out a secret');
  expect(said).not.toContain(PLANTED);
});

test.each([
  'https://monitor.example/ping/0f3c2a',
  '${env:TOKEN}',
  'https://${env:NAME}:${env:TOKEN}@monitor.example/ping',
  'https://monitor.example/ping?api_key=${env:TOKEN}',
])('a dead-man monitor takes %s', async (url) => {
  await read(`{ name: post, use: folder, target: ./public, with: { path: a } }\ndeadMan: { url: "${url}" }`);
});

test.each([
  'ssh://git@github.com/example/site.git',
  'git@github.com:example/site.git',
  'https://api.example.org/posts?key=one&page=2',
  's3://bucket/posts',
  'digest to anna@example.org',
])('%s has no login', (target) => {
  expect(hasLogin(target)).toBe(false);
  expect(withoutLogin(target)).toBe(target);
});

test('a message shows no login of a text that it repeats', () => {
  expect(shown(`https://u:${PLANTED}@example.org/a?b=c`)).toBe('"https://***@example.org/a?b=c"');
});
