/** How adapters are found, and what is said about those that can't be used. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { parseOptions } from '../../src/activities/adapter-options.js';
import { loadProvider, loadPublisher } from '../../src/activities/load-adapter.js';
import { AdapterError } from '../../src/contract/errors.js';

// Outside every project, as an operator's batch folder is.
const base = mkdtempSync(join(tmpdir(), 'nightshift-test-'));
cpSync(fileURLToPath(new URL('fixtures/adapters', import.meta.url)), base, { recursive: true });
afterAll(() => rmSync(base, { recursive: true, force: true }));

const config = (message: string | RegExp) =>
  expect.objectContaining({
    errorClass: 'config',
    facts: { sent: 'no' },
    message: expect.stringMatching(typeof message === 'string' ? literally(message) : message) as string,
  }) as Error;

test('built-in adapters are known by name', async () => {
  expect(await loadProvider('command', base)).toMatchObject({ kind: 'provider', name: 'command' });
  expect(await loadPublisher('folder', base)).toMatchObject({ kind: 'publisher', name: 'folder' });
});

test.each([
  [() => loadProvider('comand', base), 'did you mean "command"?'],
  [() => loadProvider('gpt', base), 'known here: command'],
  [() => loadProvider('folder', base), '"folder" is a publisher'],
  [() => loadPublisher('command', base), '"command" is a provider'],
  [() => loadPublisher('toString', base), 'there is no publisher "toString"'],
])('a name that nothing has gets a hint', async (load, message) => {
  await expect(load).rejects.toThrow(config(message));
});

test('a TypeScript module outside every project finds us, and its errors are ours', async () => {
  const module = await loadProvider('./upper-provider.ts', base);
  expect(module).toMatchObject({ kind: 'provider', name: 'upper' });
  expect(parseOptions(module, {}, 'agent')).toEqual({ tone: 'loud' });
  expect(() => module.create({ options: {}, stateDir: base, secret: (text) => text })).toThrow(AdapterError);
});

test('a plain module needs no import of ours', async () => {
  expect(await loadPublisher('./plain-publisher.mjs', base)).toMatchObject({ name: 'plain' });
  expect(await loadPublisher(join(base, 'plain-publisher.mjs'), '/')).toMatchObject({ name: 'plain' });
});

test('a plain module outside every project finds us as well', async () => {
  writeFileSync(
    join(base, 'importing.mjs'),
    `import { definePublisher } from 'nightshift/adapter'; import { z } from 'zod';
     export const publisher = definePublisher({ name: 'importing', version: '1', options: z.strictObject({}), create() {} });`,
  );
  expect(await loadPublisher('./importing.mjs', base)).toMatchObject({
    kind: 'publisher',
    name: 'importing',
  });
});

test('a module is read once, however often it is named', async () => {
  writeFileSync(
    join(base, 'counting.mjs'),
    `globalThis.timesRead = (globalThis.timesRead ?? 0) + 1; export { default } from './plain-publisher.mjs';`,
  );
  const modules = await Promise.all([1, 2, 3].map(() => loadPublisher('./counting.mjs', base)));
  expect(new Set(modules).size).toBe(1);
  expect((globalThis as { timesRead?: number }).timesRead).toBe(1);
});

test.each([
  ['export const other = 1;', 'must export `publisher`, or a default; it exports other'],
  ['export const publisher = undefined;', 'must export `publisher`'],
  [
    'export default { kind: "provider" };',
    /its kind is "provider", not "publisher"; its name is missing; its version is missing; its options are no schema .*; it has no create\(\)/,
  ],
  ['export default { name: "x", version: "1", options: {}, create() {} };', 'its kind is missing'],
  ['this is not JavaScript', 'can’t be loaded'],
  ['throw new Error("no luck");', 'no luck'],
  ['import "./nowhere.mjs";', 'nowhere.mjs'],
])('a module of %j is refused with what is wrong', async (text, message) => {
  const name = `bad-${Math.abs(hash(text))}.mjs`;
  writeFileSync(join(base, name), text);
  await expect(loadPublisher(`./${name}`, base)).rejects.toThrow(config(message));
});

test.each(['./missing.ts', '.', '/nowhere/at-all.mjs'])(
  'a path %s without a file says where it looked',
  async (use) => {
    await expect(loadProvider(use, base)).rejects.toThrow(config('is not there [path=/'));
  },
);

test('a module that was put right is loaded without a restart', async () => {
  await expect(loadPublisher('./later.mjs', base)).rejects.toThrow(config('is not there'));
  writeFileSync(join(base, 'later.mjs'), `export { default } from './plain-publisher.mjs';`);
  expect(await loadPublisher('./later.mjs', base)).toMatchObject({ name: 'plain' });
});

test('everything that is wrong with options is said at once, with its place', async () => {
  const module = await loadProvider('command', base);
  const raw = { command: [], env: { STYLE: 1 }, sheel: true };
  expect(() => parseOptions(module, raw, 'agent')).toThrow(
    config(
      /^agent: command can’t use its options: with\.command must have .*; with\.env\.STYLE must be a text, .*; with\.sheel is no field .*\(.*\)$/,
    ),
  );
  expect(parseOptions(module, { command: ['x'] }, 'agent')).toMatchObject({
    command: ['x'],
    killGrace: '10s',
  });
});

const hash = (text: string): number =>
  [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) | 0, 7);

const literally = (text: string): RegExp => new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
