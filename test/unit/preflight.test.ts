// What is known to be wrong with a batch before anything starts: on the host that runs it, and on one that only starts it.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { effectsOf } from '../../src/batch/effects.js';
import { readBatch } from '../../src/batch/read-batch.js';
import { leftToDo } from '../../src/client/left-to-do.js';
import { preflight } from '../../src/client/preflight.js';
import { InvalidBatch } from '../../src/contract/errors.js';
import type { PlacedJob } from '../../src/contract/job.js';
import type { KnownJob } from '../../src/ledger/ledger.js';
import type { LeftToDo } from '../../src/policy/left-to-do.js';

const REMOTE = { TEMPORAL_ADDRESS: '127.0.0.1:1' };
const CHECK = `import { z } from 'zod';
export const check = {
  kind: 'check', name: 'house-style', version: '1',
  options: z.strictObject({ forbidden: z.array(z.string()) }),
  run: () => [],
};
`;

const PROVIDER = `import { z } from 'zod';
export const provider = {
  kind: 'provider', name: 'own', version: '1', options: z.strictObject({ token: z.string() }), create: () => {},
  preflight: async ({ options, secret }) => { throw new TypeError('no account of ' + secret(options.token)); },
};
`;

async function problemsOf(
  {
    agent = '{ use: command, command: [sh] }',
    checks = '[]',
    jobs = '[{ slug: one }]',
    path = '{{ slug }}.md',
    token = '',
    lookup = '',
  },
  env: Record<string, string>,
  worksHere?: boolean,
  left?: LeftToDo,
): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-preflight-'));
  writeFileSync(join(dir, 'style.mjs'), CHECK);
  writeFileSync(join(dir, 'own.mjs'), PROVIDER);
  writeFileSync(join(dir, 'bad.schema.json'), '{ "type": "strin" }');
  writeFileSync(
    join(dir, 'batch.yaml'),
    `name: nightly
work: article
identity: [slug]
jobs: ${jobs}
agent: ${agent}
checks: ${checks}
effects:
  - { name: post, use: folder, target: ./public, with: { path: "${path}" } }
${token === '' ? '' : `  - { name: told, use: http, target: x, with: { url: "https://example.org", headers: { token: "${token}" } } }`}
${lookup === '' ? '' : `  - { name: told, use: http, target: x, with: { url: "https://example.org", lookup: ${lookup} } }`}
`,
  );
  try {
    const asked = left && (async () => left);
    await preflight(await readBatch(join(dir, 'batch.yaml')), { env }, worksHere, asked);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidBatch)) throw error;
    return error.problems.map(({ message }) => message);
  }
}

test.each([
  ['{ use: claude, prompt: Hi, with: { agent: agent_1, environment: env_1 } }', 'ANTHROPIC_API_KEY'],
  ['{ use: antigravity, prompt: Hi }', 'GEMINI_API_KEY'],
  ['{ use: command, command: [sh], env: { TOKEN: "${env:MY_TOKEN}" } }', 'MY_TOKEN'],
])('%s: the missing variable is named on the host that runs the jobs', async (agent, variable) => {
  expect(await problemsOf({ agent }, {})).toEqual([expect.stringContaining(variable)]);
  expect(await problemsOf({ agent }, { [variable]: 'set' })).toEqual([]);
  expect(await problemsOf({ agent }, REMOTE), 'a worker may have it').toEqual([]);
  expect(await problemsOf({ agent }, REMOTE, true), 'this host is to be the worker').toEqual([
    expect.stringContaining(variable),
  ]);
});

test.each([
  ['a path that is wrong', '[{ use: ./stile.mjs }]', 'the check ./stile.mjs is not there'],
  [
    'an option that is wrong',
    '[{ use: ./style.mjs, with: { forbidden: [], forbiden: [utilise] } }]',
    'forbiden',
  ],
  ['a schema that is not there', '[{ jsonSchema: ./no.schema.json }]', './no.schema.json'],
  ['a schema that is none', '[{ jsonSchema: ./bad.schema.json }]', './bad.schema.json'],
  ['the same of front matter', '[{ frontMatter: { schema: ./bad.schema.json } }]', './bad.schema.json'],
])('a check with %s is found before the first artifact is paid for', async (_, checks, why) => {
  expect(await problemsOf({ checks }, {})).toEqual([expect.stringContaining(why)]);
  expect(await problemsOf({ checks }, REMOTE)).toEqual([expect.stringContaining(why)]);
});

test('options of a check that only a worker can fill in are left to it', async () => {
  const checks = '[{ use: ./style.mjs, with: { forbidden: "${env:WORDS}" } }]';
  expect(await problemsOf({ checks }, REMOTE)).toEqual([]);
  expect(await problemsOf({ checks }, {})).toEqual([expect.stringContaining('WORDS')]);
});

test('two jobs that would have one place are told apart before either is paid for', async () => {
  const jobs =
    '[{ slug: one, section: news }, { slug: two, section: news }, { slug: three, section: other }]';
  expect(await problemsOf({ jobs, path: '{{ section }}.md' }, {})).toEqual([
    expect.stringMatching(/effect "post" of "two" has the place of "one" \(.*batch.yaml:4\): "news.md"/),
  ]);
  expect(await problemsOf({ jobs, path: '{{ section }}/{{ slug }}.md' }, {})).toEqual([]);
});

test('a look-up that would take anything for ours is refused before either job is paid for', async () => {
  const jobs = '[{ slug: one }, { slug: two }]';
  const bySlug = 'url: "https://example.org?slug={{ slug }}"';
  expect(await problemsOf({ jobs, lookup: `{ ${bySlug} }` }, {})).toEqual([
    'effects[1].with.lookup takes whatever it finds for ours: another job’s article, or somebody else’s, would count as landed',
  ]);
  for (const lookup of [
    `{ ${bySlug}, key: /key }`,
    `{ ${bySlug}, ownUrl: true }`,
    '{ url: "https://example.org?key={{ effect.key }}" }',
  ])
    expect(await problemsOf({ jobs, lookup }, {}), lookup).toEqual([]);
  expect(await problemsOf({ jobs, lookup: '{ url: "https://example.org/post", key: /key }' }, {})).toEqual([
    expect.stringContaining('effect "told" of "two" has the place of "one"'),
  ]);
});

test('what is not needed any more is not asked for: a key where only effects are left, or nothing at all', async () => {
  const batch = {
    agent: '{ use: claude, prompt: Hi, with: { agent: agent_1, environment: env_1 } }',
    token: '${env:TOKEN}',
  };
  const [key, token] = ['ANTHROPIC_API_KEY', 'TOKEN'].map((name): unknown => expect.stringContaining(name));
  expect(await problemsOf(batch, {}, true, 'sessions')).toEqual([key, token]);
  expect(await problemsOf(batch, {}, true, 'effects')).toEqual([token]);
  expect(await problemsOf(batch, {}, true, 'nothing')).toEqual([]);
});

test('a module of the operator’s own that throws a plain error is told as one that can’t be used', async () => {
  const agent = '{ use: ./own.mjs, with: { token: "${env:MY_TOKEN}" } }';
  const why = 'agent ./own.mjs could not be looked at before the start: no account of ***';
  expect(await problemsOf({ agent }, { MY_TOKEN: 'hunter2-hunter2' })).toEqual([why]);
});

test('what is left is read from the ledger: a session for a job that has no artifact of its present form', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-left-'));
  writeFileSync(
    join(dir, 'batch.yaml'),
    `name: nightly
work: article
identity: [slug]
jobs: [{ slug: one }, { slug: two }]
agent: { use: command, command: [sh] }
effects: [{ name: post, use: folder, target: ./public, with: { path: "{{ slug }}.md" } }]
`,
  );
  const batch = await readBatch(join(dir, 'batch.yaml'));
  const [one, two] = batch.jobs;
  if (!one || !two) throw new Error('no jobs');
  const artifact = { sha256: 'a'.repeat(64), bytes: 1, mime: 'text/plain' };
  const known = (job: PlacedJob, more: Partial<KnownJob> = {}): [string, KnownJob] => {
    const { fingerprint, revision } = job;
    const rest = { attempts: 1, errorClass: undefined, errorMessage: undefined };
    return [
      job.key,
      { state: 'running', fingerprint, revision, artifact, effects: new Map(), ...rest, ...more },
    ];
  };
  const leftOf = (...jobs: [string, KnownJob][]) => leftToDo(batch, { jobs: async () => new Map(jobs) });
  const landed = (job: PlacedJob): [string, KnownJob] => {
    const [effect] = effectsOf(batch.definition, job);
    const effects = new Map([[effect?.key ?? '', { state: 'landed' as const, revision: 1 }]]);
    return known(job, { state: 'done', effects });
  };

  expect(await leftOf(known(one))).toBe('sessions');
  expect(await leftOf(known(one), known(two, { artifact: undefined }))).toBe('sessions');
  expect(await leftOf(known(one), known(two, { fingerprint: 'b'.repeat(32) }))).toBe('sessions');
  expect(await leftOf(known(one), known(two))).toBe('effects');
  expect(await leftOf(landed(one), known(two))).toBe('effects');
  expect(await leftOf(landed(one), known(two, { state: 'parked', artifact: undefined }))).toBe('nothing');
  expect(await leftOf(landed(one), landed(two))).toBe('nothing');
});
