// What is known to be wrong with a batch before anything starts: on the host that runs it, and on one that only starts it.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readBatch } from '../../src/batch/read-batch.js';
import { preflight } from '../../src/client/preflight.js';
import { InvalidBatch } from '../../src/contract/errors.js';

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
  },
  env: Record<string, string>,
  worksHere?: boolean,
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
effects: [{ name: post, use: folder, target: ./public, with: { path: "${path}" } }]
`,
  );
  try {
    await preflight(await readBatch(join(dir, 'batch.yaml')), { env }, worksHere);
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
  ['an option that is wrong', '[{ use: ./style.mjs, with: { forbiden: [utilise] } }]', 'forbiden'],
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

test('a module of the operator’s own that throws a plain error is told as one that can’t be used', async () => {
  const agent = '{ use: ./own.mjs, with: { token: "${env:MY_TOKEN}" } }';
  const why = 'agent ./own.mjs could not be looked at before the start: no account of ***';
  expect(await problemsOf({ agent }, { MY_TOKEN: 'hunter2-hunter2' })).toEqual([why]);
});
