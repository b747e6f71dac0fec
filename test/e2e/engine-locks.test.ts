// Locks between real processes: who is kept out, and that no lock outlives its process.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tryExclusiveLock, trySharedLock } from '../../src/engine/index.js';

const FIXTURE = fileURLToPath(new URL('fixtures/engine-lock.mjs', import.meta.url));

let folder: string;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightshift locks '));
  path = join(folder, 'some.lock');
});
afterEach(async () => {
  await Promise.all(children.splice(0).map(killed));
  rmSync(folder, { recursive: true, force: true });
});

test('an exclusive lock keeps every other process out, and the file stays empty and alone', async () => {
  expect((await lockedBy('exclusive')).answer).toBe('held');

  expect((await lockedBy('exclusive')).answer).toBe('refused');
  expect((await lockedBy('shared')).answer).toBe('refused');
  expect(tryExclusiveLock(path)).toBeUndefined();
  expect(readdirSync(folder)).toEqual(['some.lock']);
});

test('a shared lock is shared by many processes and keeps exclusive ones out', async () => {
  expect((await lockedBy('shared')).answer).toBe('held');
  expect((await lockedBy('shared')).answer).toBe('held');

  expect((await lockedBy('exclusive')).answer).toBe('refused');
  expect((await lockedBy('shared')).answer).toBe('held'); // the refused attempt left nothing behind
});

test.each(['shared', 'exclusive'] as const)(
  'a %s lock ends with its process, also by SIGKILL',
  async (kind) => {
    const holder = await lockedBy(kind);
    expect(tryExclusiveLock(path)).toBeUndefined();

    await killed(holder.child);

    const lock = tryExclusiveLock(path);
    expect(lock).toBeDefined();
    lock?.release();
  },
);

test('locks of one process obey the same rules, and releasing one leaves the others', async () => {
  const first = trySharedLock(path);
  const second = trySharedLock(path);
  expect(tryExclusiveLock(path)).toBeUndefined();

  first?.release();
  first?.release();

  expect((await lockedBy('exclusive')).answer).toBe('refused');
  second?.release();
  expect((await lockedBy('exclusive')).answer).toBe('held');
});

test('an attempt that keeps failing does not keep readers out', async () => {
  const holder = trySharedLock(path);
  for (let i = 0; i < 200; i++) {
    expect(tryExclusiveLock(path)).toBeUndefined();
    const reader = trySharedLock(path);
    expect(reader).toBeDefined();
    reader?.release();
  }
  holder?.release();
});

test('foreign content in a lock file needs no hand work', () => {
  writeFileSync(path, 'this is no database, only something that overwrote the lock file\n'.repeat(100));
  const lock = tryExclusiveLock(path);
  expect(lock).toBeDefined();
  lock?.release();
});

test('a journal left over from another use of the file needs no hand work', () => {
  writeFileSync(path, '');
  writeFileSync(`${path}-journal`, Buffer.alloc(512, 0xd9));
  for (const take of [trySharedLock, tryExclusiveLock]) {
    const lock = take(path);
    expect(lock).toBeDefined();
    lock?.release();
  }
});

async function lockedBy(kind: 'shared' | 'exclusive'): Promise<{ child: ChildProcess; answer: string }> {
  const child = spawn(process.execPath, [FIXTURE, kind, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const answer = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once('exit', (code) => reject(new Error(`no answer, exit code ${code}`)));
  });
  return { child, answer };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}
