/**
 * What must hold for the publisher `folder` wherever a crash comes and whoever else is writing: a name has a whole
 * file or none, the first to take it wins, and everybody agrees on what is there.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { systemDisk, type Disk } from '../../src/activities/publishers/folder/disk.js';
import type { FoundEffect } from '../../src/activities/publishers/publisher.js';
import {
  aFolder,
  anotherProcess,
  bodyRequest,
  context,
  filesIn,
  keyOf,
  ours,
  publisherAt,
  receiptOf,
  sha256,
  visibleFilesIn,
} from '../unit/folder-fixture.js';

/** A disk that dies at its n-th step: before it, after it, or half-way through what it writes. Then nothing works any more. */
function dying(step: number, when: 'before' | 'half' | 'after'): Disk {
  let steps = 0;
  const dead = () => new Error('killed');
  const guarded =
    <Args extends readonly unknown[]>(
      whole: (...args: Args) => Promise<void>,
      half?: (...args: Args) => Promise<void>,
    ) =>
    async (...args: Args): Promise<void> => {
      steps++;
      if (steps > step) throw dead();
      if (steps < step) return whole(...args);
      if (when === 'half') await half?.(...args);
      if (when === 'after') await whole(...args);
      throw dead();
    };
  return {
    writeNew: guarded(systemDisk.writeNew, (path, bytes) =>
      systemDisk.writeNew(path, bytes.subarray(0, bytes.length / 2)),
    ),
    append: guarded(systemDisk.append, (path, text) =>
      systemDisk.append(path, text.slice(0, text.length / 2)),
    ),
    link: guarded(systemDisk.link),
    rename: guarded(systemDisk.rename),
    unlink: guarded(systemDisk.unlink),
    syncFolder: guarded(systemDisk.syncFolder),
  };
}

const STEPS_MAX = 12; // more than any verb takes
const moments = Array.from({ length: STEPS_MAX }, (_, index) =>
  (['before', 'half', 'after'] as const).map((when) => [when, index + 1] as const),
).flat();

test.each(moments)('a create that dies %s step %i is finished by the next try', async (when, step) => {
  const base = aFolder();
  const file = join(base, 'public/deep/a.md');
  const request = bodyRequest('a whole article');
  const before = await publisherAt(base, 'deep/a.md', dying(step, when))
    .create(request, context)
    .catch(() => undefined);
  if (existsSync(file)) expect(readFileSync(file, 'utf8')).toBe('a whole article');

  const next = publisherAt(base, 'deep/a.md', anotherProcess());
  const found = await next.lookup?.(request, context);
  expect(found?.kind).toBe(existsSync(file) ? 'ours' : 'absent'); // never theirs: nobody else was here
  if (before) expect(found?.kind).toBe('ours');
  ours(await next.create(bodyRequest('another article'), context)); // a try with other bytes, if there were none
  expect(visibleFilesIn(join(base, 'public'))).toEqual(['deep/a.md']);
});

test.each(moments)('an update that dies %s step %i is finished by the next try', async (when, step) => {
  const base = aFolder();
  const file = join(base, 'public/a.md');
  const before = receiptOf(
    ours(await publisherAt(base, 'a.md').create(bodyRequest('one'), context)),
    bodyRequest('one'),
  );
  const second = bodyRequest('two', { revision: 2 });
  await publisherAt(base, 'a.md', dying(step, when))
    .update?.(second, before, context)
    .catch(() => undefined);
  expect(['one', 'two']).toContain(readFileSync(file, 'utf8'));

  const next = publisherAt(base, 'a.md', anotherProcess());
  const revision = readFileSync(file, 'utf8') === 'two' ? 2 : 1;
  expect(ours(await next.lookup?.(second, context)).revision).toBe(revision);
  expect(ours(await next.update?.(second, before, context)).revision).toBe(2);
  expect(visibleFilesIn(join(base, 'public'))).toEqual(['a.md']);
});

test.each(moments)(
  'a move that dies %s step %i loses nothing and leaves a twin at most',
  async (when, step) => {
    const base = aFolder();
    const before = receiptOf(
      ours(await publisherAt(base, 'old.md').create(bodyRequest('one'), context)),
      bodyRequest('one'),
    );
    const second = bodyRequest('two', { revision: 2 });
    await publisherAt(base, 'new/a.md', dying(step, when))
      .update?.(second, before, context)
      .catch(() => undefined);

    const next = publisherAt(base, 'new/a.md', anotherProcess());
    let found = await next.lookup?.(second, context);
    if (ours(found).revision === 1) found = await next.update?.(second, before, context);
    expect(ours(found)).toMatchObject({ id: 'new/a.md', revision: 2, sha256: sha256('two') });
    for (const twin of (found?.kind === 'ours' && found.extras) || [])
      await next.discard?.(twin, second, context);
    expect(visibleFilesIn(join(base, 'public'))).toEqual(['new/a.md']);
  },
);

// --- Real processes --------------------------------------------------------------------------------

interface Writer {
  readonly child: ChildProcess;
  readonly lines: () => FoundEffect[];
  readonly ended: Promise<unknown>;
}

interface Effect {
  readonly path: string;
  readonly text: string;
  readonly word: string;
}

let writers = 0;

async function writer(base: string, go: string, effects: readonly Effect[]): Promise<Writer> {
  const script = fileURLToPath(new URL('folder-writer.mjs', import.meta.url));
  const described = effects.map(({ path, text, word }) => ({
    path,
    text,
    request: { ...bodyRequest('', { effectKey: keyOf(word) }), body: undefined, sha256: undefined },
  }));
  const orders = join(base, `orders-${++writers}.json`);
  writeFileSync(orders, JSON.stringify({ base, go, effects: described }));
  const child = spawn(process.execPath, [script, orders], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = once(child, 'close');
  while (!said.includes('ready\n')) {
    if (child.exitCode !== null) throw new Error('the writer did not start');
    await sleep(5);
  }
  const lines = () =>
    said
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as FoundEffect);
  return { child, lines, ended };
}

test('of twenty processes that want one name with different bytes one wins, and all say so', async () => {
  const base = aFolder();
  const go = join(base, 'go');
  const start = (index: number) =>
    writer(
      base,
      go,
      [0, 1, 2, 3, 4].map((n) => ({
        path: `c/p${n}.md`,
        text: `by ${index}: ${n}\n`.repeat(500),
        word: `e${n}`,
      })),
    );
  const racers = await Promise.all(Array.from({ length: 20 }, (_, index) => start(index)));
  writeFileSync(go, '');
  await Promise.all(racers.map(({ ended }) => ended));

  expect(visibleFilesIn(join(base, 'public'))).toEqual([0, 1, 2, 3, 4].map((n) => `c/p${n}.md`));
  for (let n = 0; n < 5; n++) {
    const text = readFileSync(join(base, `public/c/p${n}.md`), 'utf8');
    expect(text).toBe(text.slice(0, text.indexOf('\n') + 1).repeat(500));
    for (const { lines } of racers) expect(ours(lines()[n]).sha256).toBe(sha256(text));
  }
  expect(filesIn(join(base, 'public')).filter((path) => path.endsWith('.tmp'))).toEqual([]);
}, 240_000);

/** Numbers from 0 to 1 that are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

test('a process that is killed at any moment leaves whole files, and the next one finishes', async () => {
  const base = aFolder();
  const random = seeded(20_260_101);
  const effects = Array.from({ length: 400 }, (_, n) => ({
    path: `c${n % 7}/p${n}.md`,
    text: `${n} `.repeat(3000),
    word: `e${n}`,
  }));
  const told = new Map<string, string>();
  let kills = 0;
  for (let round = 0; round < 9; round++) {
    const go = join(base, `go${round}`);
    const { child, lines, ended } = await writer(base, go, effects);
    writeFileSync(go, '');
    if (round < 8) {
      await sleep(random() * 250);
      if (child.kill('SIGKILL')) kills++;
    }
    await ended;
    for (const placed of lines().map(ours)) {
      if (told.has(placed.id)) expect(placed.sha256).toBe(told.get(placed.id));
      told.set(placed.id, placed.sha256);
    }
    for (const path of visibleFilesIn(join(base, 'public'))) {
      const n = Number(/p(\d+)\.md$/.exec(path)?.[1]);
      expect(readFileSync(join(base, 'public', path), 'utf8')).toBe(effects[n]?.text);
    }
    // What was told is there.
    for (const [path, hash] of told) expect(sha256(readFileSync(join(base, 'public', path)))).toBe(hash);
  }
  expect(kills, 'a writer may be through with all of them before its moment').toBeGreaterThan(4);
  expect(visibleFilesIn(join(base, 'public'))).toHaveLength(400);
  expect(told.size).toBe(400);
}, 240_000);

test('a target that is removed while a process works there is simply made anew', async () => {
  const base = aFolder();
  await publisherAt(base, 'a.md').create(bodyRequest('one'), context);
  rmSync(join(base, 'public'), { recursive: true });
  mkdirSync(join(base, 'public'));
  expect(await publisherAt(base, 'a.md').lookup?.(bodyRequest('one'), context)).toEqual({ kind: 'absent' });
  ours(await publisherAt(base, 'a.md').create(bodyRequest('one'), context));
});
