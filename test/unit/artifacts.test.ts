// The folder store: content under its hash, durable, private, and never handed out damaged.
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { toldOf } from '../../src/artifacts/store-trouble.js';
import { WriteWatch } from '../../src/write-watch.js';
import { hasSmallDisks, smallDisk } from '../support/small-disk.js';

const WRITER = fileURLToPath(new URL('artifacts-writer.mjs', import.meta.url));

const text = (words: string) => new TextEncoder().encode(words);
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

function aStore() {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-artifacts-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, 'state', 'artifacts');
  const pathOf = (sha256: string) => join(root, 'sha256', sha256.slice(0, 2), sha256.slice(2));
  return { root, pathOf, incoming: join(root, 'incoming'), store: folderArtifactStore({ root }) };
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

test('what was put is read back by its hash, with its size and type in the reference', async () => {
  const { store, pathOf } = aStore();
  const ref = await store.put(text('hello'), 'text/plain');
  expect(ref).toEqual({ sha256: hashOf(text('hello')), bytes: 5, mime: 'text/plain' });
  expect(await store.put(text('bye'))).toEqual({ sha256: hashOf(text('bye')), bytes: 3 });
  expect(Buffer.from(await store.read(ref.sha256)).toString()).toBe('hello');
  expect(await store.has(ref.sha256)).toBe(true);
  expect(existsSync(pathOf(ref.sha256))).toBe(true);
});

test.each([0, 1, 65_536, 2_000_000])('%i bytes are the same artifact whole and streamed', async (size) => {
  const { store } = aStore();
  const bytes = randomBytes(size);
  const whole = await store.put(bytes);
  expect(whole).toEqual({ sha256: hashOf(bytes), bytes: size });
  expect(await store.put(inPieces(bytes, 7000))).toEqual(whole);
  expect(Buffer.compare(await store.read(whole.sha256), bytes)).toBe(0);
});

test('a part of an artifact can be read, also beyond its end', async () => {
  const { store } = aStore();
  const { sha256 } = await store.put(text('0123456789'));
  const part = async (offset: number, length: number) =>
    Buffer.from(await store.readRange(sha256, offset, length)).toString();
  expect(await part(0, 3)).toBe('012');
  expect(await part(8, 10)).toBe('89');
  expect(await part(20, 5)).toBe('');
  expect(await part(3, 0)).toBe('');
});

test('files and folders are for their owner only', async () => {
  const { store, root, pathOf, incoming } = aStore();
  const { sha256 } = await store.put(text('secret'));
  expect(modeOf(pathOf(sha256))).toBe('600');
  const folders = [join(root, '..'), root, incoming, join(root, 'sha256'), join(pathOf(sha256), '..')];
  expect(folders.map(modeOf)).toEqual(folders.map(() => '700'));
});

test('the same bytes again are one file, which is kept', async () => {
  const { store, root, pathOf, incoming } = aStore();
  const { sha256 } = await store.put(text('once'));
  const { ino } = statSync(pathOf(sha256));
  await Promise.all(Array.from({ length: 20 }, () => folderArtifactStore({ root }).put(text('once'))));
  expect(statSync(pathOf(sha256)).ino).toBe(ino);
  expect(readdirSync(incoming)).toEqual([]);
});

describe('damage', () => {
  test('an absent artifact is lost, and the message says which and what to do', async () => {
    const { store } = aStore();
    const sha256 = hashOf(text('never put'));
    expect(await store.has(sha256)).toBe(false);
    const lost = {
      errorClass: 'lost',
      message: expect.stringMatching(`${sha256} is missing.*restore`) as string,
    };
    await expect(store.read(sha256)).rejects.toMatchObject(lost);
    await expect(store.readRange(sha256, 0, 1)).rejects.toMatchObject(lost);
  });

  test.each([
    ['changed', 'hellO'],
    ['cut short', 'hel'],
    ['emptied', ''],
  ])('a file that was %s is never handed out', async (_, content) => {
    const { store, pathOf } = aStore();
    const { sha256 } = await store.put(text('hello'));
    writeFileSync(pathOf(sha256), content);
    await expect(store.read(sha256)).rejects.toMatchObject({
      errorClass: 'lost',
      message: expect.stringContaining(`${sha256} is damaged`) as string,
    });
  });

  test('a file cut short is mended by putting the content again', async () => {
    const { store, pathOf } = aStore();
    const { sha256 } = await store.put(text('hello'));
    writeFileSync(pathOf(sha256), 'hel');
    await store.put(text('hello'));
    expect(Buffer.from(await store.read(sha256)).toString()).toBe('hello');
  });

  test('a hash that is none is refused before any path is made of it', async () => {
    const { store } = aStore();
    for (const bad of ['', '../../etc/passwd', 'A'.repeat(64), 'a'.repeat(63)]) {
      await expect(store.read(bad)).rejects.toThrow(RangeError);
      await expect(store.has(bad)).rejects.toThrow(RangeError);
    }
  });
});

describe('what is left of a put that did not end', () => {
  test('a source that fails leaves nothing, and its own error is what the caller gets', async () => {
    const { store, root, incoming } = aStore();
    const broken = Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
    async function* source(): AsyncGenerator<Uint8Array> {
      yield text('half');
      throw broken;
    }
    await expect(store.put(source())).rejects.toBe(broken);
    expect(readdirSync(incoming)).toEqual([]);
    expect(existsSync(join(root, 'sha256'))).toBe(false);
  });

  test('a torn temporary file is no artifact, and is removed once it is a day old', async () => {
    const { store, incoming } = aStore();
    mkdirSync(incoming, { recursive: true });
    const [old, young] = [join(incoming, '1-old'), join(incoming, '2-young')];
    writeFileSync(old, 'hel');
    writeFileSync(young, 'hel');
    const twoDaysAgo = Date.now() / 1000 - 2 * 86_400;
    utimesSync(old, twoDaysAgo, twoDaysAgo);

    expect(await store.has(hashOf(text('hel')))).toBe(false);
    await store.put(text('hello'));
    expect(readdirSync(incoming)).toEqual(['2-young']);
  });

  test('a store whose folder was removed makes it again', async () => {
    const { store, root } = aStore();
    await store.put(text('one'));
    rmSync(root, { recursive: true });
    await expect(store.put(text('two'))).rejects.toMatchObject({ errorClass: 'transient' });
    const { sha256 } = await store.put(text('two'));
    expect(await store.has(sha256)).toBe(true);
  });

  test('a folder that can’t be made is a matter for the operator', async () => {
    const { root } = aStore();
    mkdirSync(join(root, '..'), { recursive: true });
    writeFileSync(root, 'a file in its place');
    await expect(folderArtifactStore({ root }).put(text('x'))).rejects.toMatchObject({
      errorClass: 'config',
      message: expect.stringContaining(root) as string,
    });
  });
});

describe('trouble with its disk', () => {
  /** Of a store whose folder is not usable, as the file system says it. */
  test.each([
    ['ENOSPC', 'transient', 'free some room there; jobs that wait for it go on by themselves'],
    ['EDQUOT', 'transient', 'free some room there; jobs that wait for it go on by themselves'],
    ['EIO', 'transient', 'see to its disk: its room, a quota, its health'],
    ['EACCES', 'config', 'it has to be a folder, on a disk, that this user may write'],
    ['EPERM', 'config', 'it has to be a folder, on a disk, that this user may write'],
    ['EROFS', 'config', 'it has to be a folder, on a disk, that this user may write'],
  ])('%s is %s, and no service is to blame', (code, errorClass, fix) => {
    const error = Object.assign(new Error('what the system says'), { code });
    expect(toldOf(error, "the artifact can't be stored [root=/state]")).toMatchObject({
      errorClass,
      facts: { ours: 'artifacts', code },
      message: `the artifact can't be stored [root=/state]: what the system says; ${fix}`,
    });
  });

  test.skipIf(!hasSmallDisks())('that is full is waited for, and told while it lasts', async () => {
    const disk = smallDisk(2);
    const root = join(disk, 'artifacts');
    const said: string[] = [];
    const writes = new WriteWatch((why) => said.push(why));
    const store = folderArtifactStore({ root, writes });
    const kept = await store.put(text('kept before'));
    const large = randomBytes(3 * 1024 * 1024);
    for (let times = 0; times < 3; times++) {
      await expect(store.put(large)).rejects.toMatchObject({
        errorClass: 'transient',
        facts: { ours: 'artifacts', code: 'ENOSPC' },
        message: expect.stringContaining(`[root=${root}]`) as string,
      });
    }
    expect(said, 'not each time').toEqual([expect.stringContaining(`[root=${root}]`)]);
    expect(writes.last).toMatchObject({ trouble: { errorClass: 'transient' } });
    expect(readdirSync(join(root, 'incoming')), 'what was begun takes no room').toEqual([]);
    expect(Buffer.from(await store.read(kept.sha256)).toString()).toBe('kept before');

    execFileSync('mount', ['-o', 'remount,size=8m', disk]);
    await store.put(large);
    expect(writes.last).toBeUndefined();
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    await expect(store.put(text('another'))).rejects.toMatchObject({
      errorClass: 'config',
      facts: { ours: 'artifacts', code: 'EROFS' },
    });
  });

  test('of a source that fails nothing is told', async () => {
    const { root } = aStore();
    const told: unknown[] = [];
    const store = folderArtifactStore({ root, writes: { noted: (trouble) => told.push(trouble) } });
    async function* source(): AsyncGenerator<Uint8Array> {
      yield text('half');
      throw new Error('connection reset');
    }
    await expect(store.put(source())).rejects.toThrow('connection reset');
    expect(told).toEqual([]);
  });

  test('what may not be read is a matter for the operator', async () => {
    const { store, root } = aStore();
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, 'sha256'), 'a file in its place');
    const sha256 = hashOf(text('hello'));
    const refused = { errorClass: 'config', facts: { ours: 'artifacts', code: 'ENOTDIR' } };
    await expect(store.read(sha256)).rejects.toMatchObject(refused);
    await expect(store.readRange(sha256, 0, 1)).rejects.toMatchObject(refused);
    await expect(store.has(sha256)).rejects.toMatchObject(refused);
  });
});

test('writers that are killed leave only whole artifacts, and all that they were told of', async () => {
  const { root, store } = aStore();
  const told = (await Promise.all([80, 200, 350].map((momentMs) => storeUntilKilled(root, momentMs)))).flat();

  expect(told).not.toHaveLength(0);
  for (const sha256 of told) expect(await store.has(sha256)).toBe(true);
  const stored = readdirSync(join(root, 'sha256')).flatMap((folder) =>
    readdirSync(join(root, 'sha256', folder)).map((file) => folder + file),
  );
  for (const sha256 of stored) expect(await store.read(sha256)).toHaveLength(200_000); // read checks the hash
});

/** @returns what the writer was told is stored; a torn last line was not told */
async function storeUntilKilled(root: string, momentMs: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [WRITER, root]);
  let told = '';
  child.stdout.on('data', (data: Buffer) => (told += data.toString()));
  const closed = new Promise((resolve) => child.on('close', resolve));
  await Promise.race([closed, new Promise((resolve) => child.stdout.once('data', resolve))]);
  await new Promise((resolve) => setTimeout(resolve, momentMs));
  child.kill('SIGKILL');
  await closed;
  return told.split('\n').slice(0, -1);
}
