// What people install is the tarball: it holds what is needed and no more, and works in a project of its own.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { jobKey } from '../../src/identity/keys.js';
import { tempDir } from '../support/batch.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(import.meta.url);
const project = join(tempDir('nightshift-package-'), 'project');
const inProject = (...path: string[]) => join(project, 'node_modules', ...path);
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

/** Without what `npm test` hands down: npm would take this repository for the project. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD)/i.test(name))),
  NO_COLOR: '1',
  NIGHTSHIFT_ENGINE_IDLE_SECONDS: '5',
};

async function run(program: string, args: readonly string[], cwd = project) {
  const ended = promisify(execFile)(program, args, { cwd, env, maxBuffer: 16 * 1024 * 1024 });
  const { stdout, stderr } = await ended.catch((error: unknown) => {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`, { cause: error });
  });
  return { stdout, stderr };
}

let packed: string[];

beforeAll(async () => {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const place = dirname(project);
  const { stdout } = await run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', place],
    root,
  );
  const [tarball] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  packed = tarball?.files.map(({ path }) => path) ?? [];
  const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
  // The one install script that matters compiles SQLite for a minute; `npm ci` has just done it here.
  const sqlite = require('better-sqlite3/package.json') as { version: string };
  const wanted = [join(place, tarball?.filename ?? ''), `better-sqlite3@${sqlite.version}`];
  await run('npm', ['install', ...flags, ...wanted]);
  const compiled = join(dirname(require.resolve('better-sqlite3/package.json')), 'build');
  cpSync(compiled, inProject('better-sqlite3', 'build'), { recursive: true });
}, 240_000);

describe('the package', () => {
  test('holds what runs, the schema, the examples, README and licence, and nothing of how it was made', () => {
    for (const path of [
      'dist/cli/main.js',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/adapter.d.ts',
      'dist/workflow-bundle.js',
      'dist/engine/keeper.js',
      'dist/threads/thread.js',
      'schema/batch.schema.json',
      'examples/articles/batch.yaml',
      'examples/articles/write.mjs',
      'README.md',
      'LICENSE',
      'package.json',
    ]) {
      expect(packed).toContain(path);
    }
    const places = new Set(packed.map((path) => path.split('/')[0]));
    expect([...places].sort()).toEqual([
      'LICENSE',
      'README.md',
      'completions',
      'dist',
      'examples',
      'package.json',
      'schema',
    ]);
    const strays = packed.filter((path) => /\.test\.|\.nightshift|public\/|\.tsbuildinfo$|\.db/.test(path));
    expect(strays).toEqual([]);
  });

  test('has one copy of the SDK, or histories could not be told apart', () => {
    const copies = readdirSync(inProject(), { recursive: true, encoding: 'utf8' });
    expect(copies.filter((path) => path.endsWith('@temporalio/common/package.json'))).toHaveLength(1);
  });

  test('brings the command: version, init, a run to its end, and nothing left to do', async () => {
    expect((await run('npx', ['--no-install', 'nightshift', '--version'])).stdout.trim()).toBe(
      manifest.version,
    );
    const nightshift = inProject('.bin', 'nightshift');
    await run(nightshift, ['init', 'night']);
    const { stdout } = await run(nightshift, ['run', 'night/batch.yaml', '--json']);
    const first = JSON.parse(stdout) as { batch: { result: string }; counts: { jobs: number; done: number } };
    expect(first.batch.result).toBe('completed');
    expect(first.counts.done).toBe(first.counts.jobs);
    expect(existsSync(join(project, '.nightshift', 'ledger.db'))).toBe(true);
    const again = await run(nightshift, ['run', 'night/batch.yaml', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ batch: { result: 'already-completed' } });
  });

  test('is a library, and adapters are written with it', async () => {
    writeFileSync(
      join(project, 'use.mjs'),
      `import { createNightshift, jobKey } from 'nightshift';
       import { AdapterError, defineProvider, definePublisher } from 'nightshift/adapter';
       const nightshift = createNightshift();
       const batches = await nightshift.list();
       await nightshift.close();
       console.log(JSON.stringify({
         key: jobKey({ site: 'home', category: 'bread', slug: 'a' }),
         batches: batches.map(({ state }) => state),
         kinds: [defineProvider({}).kind, definePublisher({}).kind, new AdapterError('config', 'x').errorClass],
       }));`,
    );
    const { stdout } = await run(process.execPath, ['use.mjs']);
    expect(JSON.parse(stdout)).toEqual({
      key: jobKey({ site: 'home', category: 'bread', slug: 'a' }),
      batches: ['completed'],
      kinds: ['provider', 'publisher', 'config'],
    });
    const inside = run(process.execPath, ['-e', "import('nightshift/dist/ledger/open.js')"]);
    await expect(inside).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  test('runs a batch that is defined in code, and finds it done the next time', async () => {
    writeFileSync(
      join(project, 'defined.mjs'),
      `import { createNightshift, defineBatch } from 'nightshift';
       const nightshift = createNightshift();
       const batch = await nightshift.read(defineBatch({
         name: 'defined',
         work: 'note',
         identity: ['slug'],
         jobs: [{ slug: 'one' }, { slug: 'two' }],
         agent: { use: 'command', command: ['sh', '-c', 'echo text'] },
         effects: [{ name: 'note', use: 'folder', target: './notes', with: { path: '{{ slug }}.md' } }],
       }, { baseDir: import.meta.dirname }));
       const { batch: { result }, counts } = await nightshift.run(batch);
       await nightshift.close();
       console.log(JSON.stringify({ result, done: counts.done }));`,
    );
    const ended = async () => JSON.parse((await run(process.execPath, ['defined.mjs'])).stdout) as unknown;
    expect(await ended()).toEqual({ result: 'completed', done: 2 });
    expect(readdirSync(join(project, 'notes')).filter((name) => !name.startsWith('.'))).toEqual([
      'one.md',
      'two.md',
    ]);
    expect(await ended()).toMatchObject({ result: 'already-completed' });
  });

  test('has types that a strict project compiles against', async () => {
    writeFileSync(
      join(project, 'use.ts'),
      `import { createNightshift, defineBatch, type RunReport } from 'nightshift';
       import { definePublisher, type Publisher } from 'nightshift/adapter';
       export async function night(file: string): Promise<RunReport> {
         const nightshift = createNightshift({ state: 'state' });
         return nightshift.run(await nightshift.read(file), { by: 'test' });
       }
       // @ts-expect-error: without effects it is no batch
       export const bare = defineBatch({ name: 'bare', work: 'x', jobs: [], agent: { use: 'command' } });
       // @ts-expect-error: without create it is no publisher
       export const half = definePublisher({ name: 'half', version: '1' });
       export const facts = (publisher: Publisher): 1 | 2 | 3 | 4 => publisher.facts.class;`,
    );
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'];
    await run(process.execPath, [require.resolve('typescript/bin/tsc'), ...options, 'use.ts']);
  });
});
