// A check of the operator's own: a real file beside the batch file, TypeScript as it is.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { moduleProblems } from '../../src/checks/module-check.js';
import { job, problems } from './checks-fixture.js';

async function aModule(source: string, name = 'my-check.ts'): Promise<string> {
  const baseDir = await mkdtemp(join(tmpdir(), 'nightshift-checks-'));
  onTestFinished(() => rm(baseDir, { recursive: true }));
  await writeFile(join(baseDir, name), source);
  return baseDir;
}

const definition = (run: string): string => `
  import { defineCheck, AdapterError } from 'nightshift/adapter';
  import { z } from 'zod';
  const options = z.strictObject({ word: z.string().default('tides') });
  export const check = defineCheck({
    name: 'names-topic', version: '1', options, ${run},
  });`;

const use = './my-check.ts';
const config = { errorClass: 'config', facts: { sent: 'no' } };

test('its sentences are the problems; none lets the artifact pass', async () => {
  const baseDir = await aModule(
    definition(`async run({ text, bytes, mime, job }, { word }: { word: string }) {
      return text?.includes(word) ? [] : [word + ' ' + job.input['topic'] + ' ' + bytes.length + ' ' + mime];
    }`),
  );
  expect(await problems('about tides', [{ use }], { baseDir })).toEqual([]);
  const given = { baseDir, mime: 'text/markdown' };
  expect(await problems('about', [{ use, with: { word: 'sea' } }], given)).toEqual([
    './my-check.ts: sea tides 5 text/markdown',
  ]);
});

test('its options are checked by its own schema, secrets filled in', async () => {
  const baseDir = await aModule(definition(`run: ({ text }, { word }: { word: string }) => [word]`));
  await expect(problems('x', [{ use, with: { wrod: 'sea' } }], { baseDir })).rejects.toMatchObject(config);
  const secret = [{ use, with: { word: '${env:WORD}' } }];
  expect(await problems('x', secret, { baseDir, context: { env: { WORD: 'sea' } } })).toEqual([
    './my-check.ts: sea',
  ]);
  await expect(problems('x', secret, { baseDir })).rejects.toThrow(/WORD is not set/);
});

test.each([
  ['throws', `run() { throw new Error('no dictionary'); }`, 'no dictionary'],
  ['rejects', `run: () => Promise.reject(new TypeError('no dictionary'))`, 'no dictionary'],
  ['answers nothing', `run: () => undefined`, 'list of texts'],
  ['answers true', `run: () => true`, 'list of texts'],
  ['answers a list of other things', `run: () => [1]`, 'list of texts'],
  ['blames the session', `run() { throw new AdapterError('rejected', 'no dictionary'); }`, 'no dictionary'],
])('one that %s could not run: nothing passes, and no new session is asked for', async (_, run, said) => {
  const baseDir = await aModule(definition(run));
  await expect(problems('x', [{ use }], { baseDir })).rejects.toMatchObject({
    ...config,
    message: expect.stringContaining(said) as unknown,
  });
});

test('one that knows why it could not run says so itself', async () => {
  const baseDir = await aModule(definition(`run() { throw new AdapterError('throttled', 'slow down'); }`));
  await expect(problems('x', [{ use }], { baseDir })).rejects.toMatchObject({ errorClass: 'throttled' });
});

test.each([
  ['finds', `run: (_, { word }) => ['answered 401 to ' + word]`],
  ['throws', `run(_, { word }) { throw new Error('answered 401 to ' + word); }`],
  [
    'throws, and knows why,',
    `run(_, { word }) { throw new AdapterError('auth', 'answered 401 to ' + word); }`,
  ],
])('no word of its key is in what it %s', async (_, run) => {
  const baseDir = await aModule(
    definition(run.replace('word })', 'word }: { word: string })').replace('(_,', '(_: unknown,')),
  );
  const context = { env: { HOUSE_KEY: 'sk-planted-4711' } };
  const found = problems('x', [{ use, with: { word: '${env:HOUSE_KEY}' } }], { baseDir, context });
  const said = await found.then(
    (all) => all.join(),
    (error: unknown) => (error as Error).message,
  );
  expect(said).toContain('answered 401 to ***');
});

test('one that hangs is given up', async () => {
  const baseDir = await aModule(definition(`run: () => new Promise(() => undefined)`));
  const input = {
    text: 'x',
    bytes: Buffer.from('x'),
    mime: undefined,
    job,
    signal: new AbortController().signal,
  };
  const running = moduleProblems({ use, with: {} }, input, { baseDir, env: {}, runMsMax: 20 });
  await expect(running).rejects.toMatchObject({
    ...config,
    message: expect.stringContaining('it gave no answer within 0.02 s') as unknown,
  });
});

test.each(['', ' \\n', '\\u200b'])('a problem without words is told with some: "%s"', async (problem) => {
  const baseDir = await aModule(definition(`run: () => ['${problem}']`));
  expect(await problems('x', [{ use }], { baseDir })).toEqual([
    './my-check.ts: it found a problem, and has no words for it',
  ]);
});

test('one that changes the bytes it is given changes nothing', async () => {
  const baseDir = await aModule(definition(`run({ bytes }) { bytes.fill(0); return []; }`));
  const bytes = Buffer.from('text');
  expect(await problems(bytes, [{ use }], { baseDir })).toEqual([]);
  expect(bytes.toString()).toBe('text');
});

test('its words are shown on one line, without escape sequences, and cut', async () => {
  const baseDir = await aModule(definition(`run: () => ['a\\n\\u001b[31mb' + 'x'.repeat(999)]`));
  const [found = ''] = await problems('x', [{ use }], { baseDir });
  expect(found).toMatch(/^\.\/my-check\.ts: a bx+…$/);
  expect(found.length).toBeLessThanOrEqual(316);
});

test.each([
  ['is not there', undefined, /is not there/],
  ['exports something else', 'export const publisher = 1;', /must export `check`/],
  [
    'is no check',
    `export const check = { kind: 'check', name: 'a' };`,
    /its version is missing.*it has no run\(\)/,
  ],
  ['can’t be read', 'export const check = ;', /can’t be loaded/],
])('a module that %s is refused by name', async (_, source, message) => {
  const baseDir = await aModule(source ?? '', source === undefined ? 'other.ts' : 'my-check.ts');
  await expect(problems('x', [{ use }], { baseDir })).rejects.toMatchObject({
    ...config,
    message: expect.stringMatching(message) as unknown,
  });
});
