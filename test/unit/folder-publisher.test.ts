/** The publisher `folder`: what it puts where, what it takes for its own, and what it leaves alone. */
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import type { Disk } from '../../src/activities/publishers/folder/disk.js';
import { folder } from '../../src/activities/publishers/folder/publisher.js';
import type { BodyRequest } from '../../src/activities/publishers/publisher.js';
import {
  aFolder,
  anotherProcess,
  bodyRequest,
  context,
  filesIn,
  journalOf,
  keyOf,
  ours,
  publisherAt,
  receiptOf,
  sha256,
  visibleFilesIn,
} from './folder-fixture.js';

const failing = (step: keyof Disk, code: string): Disk => ({
  ...anotherProcess(),
  [step]: async () => {
    throw Object.assign(new Error(`${code}: stand-in`), { code });
  },
});

test('a project that was moved gets nothing at its old place, neither by a start nor by an approval', async () => {
  const base = join(aFolder(), 'blog');
  mkdirSync(base);
  const publisher = publisherAt(base, 'a.md');
  const request = bodyRequest('# Words\n');
  const placed = ours(await publisher.create(request, context));
  const moved = `${base}-moved`;
  renameSync(base, moved);

  const gone = {
    errorClass: 'config',
    message: `target "public" starts at the folder of the batch file, which is not there [folder=${base}]; was it moved? Start the batch from its file where that is now, or move it back`,
    facts: { sent: 'no' },
  };
  const receipt = receiptOf(placed, request);
  await expect(publisher.lookup?.(request, context)).rejects.toMatchObject(gone);
  await expect(publisher.create(request, context)).rejects.toMatchObject(gone);
  await expect(publisher.update?.(request, receipt, context)).rejects.toMatchObject(gone);
  await expect(publisher.unpublish?.(request, receipt, context)).rejects.toMatchObject(gone);
  await expect(publisher.probe?.(context)).rejects.toMatchObject(gone);
  expect(existsSync(base)).toBe(false);
  expect(existsSync(join(moved, 'public/a.md'))).toBe(true);

  const there = publisherAt(moved, 'a.md');
  expect(await there.lookup?.(request, context), 'from its file where that is now').toMatchObject({
    kind: 'ours',
  });
});

test('an absolute target needs no folder of the batch file: a worker elsewhere may never have had it', async () => {
  const target = join(aFolder(), 'public');
  const publisher = folder.create({
    options: { path: 'a.md' },
    ...{ target, baseDir: '/nowhere/blog', effectKey: keyOf('effect'), cacheDir: '/nowhere' },
  });
  ours(await (await publisher).create(bodyRequest('# Words\n', { target }), context));
  expect(existsSync(join(target, 'a.md'))).toBe(true);
});

test('what is published is found again by the effect key, without a body', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'bikes/fix-a-puncture.md');
  const request = bodyRequest('# Words\n');
  expect(await publisher.lookup?.(request, context)).toEqual({ kind: 'absent' });
  expect(existsSync(join(base, 'public'))).toBe(false);

  const placed = ours(await publisher.create(request, context));
  const file = join(base, 'public/bikes/fix-a-puncture.md');
  expect(placed).toEqual({
    id: 'bikes/fix-a-puncture.md',
    url: pathToFileURL(file).href,
    sha256: request.sha256,
    revision: 1,
    fingerprint: request.fingerprint,
    visible: true,
  });
  expect(readFileSync(file, 'utf8')).toBe('# Words\n');
  expect(statSync(file).mode & 0o777).toBe(0o666 & ~process.umask());
  expect(ours(await publisher.lookup?.(request, context))).toEqual(placed);
});

test('publishing again changes nothing and says ours, also with other bytes', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  await publisher.create(bodyRequest('first'), context);
  const again = ours(await publisher.create(bodyRequest('second'), context));
  expect(again.sha256).toBe(sha256('first'));
  expect(readFileSync(join(base, 'public/a.md'), 'utf8')).toBe('first');
});

test('a folder holds its effects and one hidden file', async () => {
  const base = aFolder();
  await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      publisherAt(base, `c${index % 3}/p${index}.md`).create(
        bodyRequest(`text ${index}`, { effectKey: keyOf(`e${index}`) }),
        context,
      ),
    ),
  );
  const all = filesIn(join(base, 'public'));
  expect(visibleFilesIn(join(base, 'public'))).toHaveLength(60);
  expect(all.filter((path) => path.includes('.nightshift') || path.endsWith('.tmp'))).toEqual([
    '.nightshift.jsonl',
  ]);
  expect(journalOf(join(base, 'public')).trim().split('\n')).toHaveLength(60);
});

test('when the ledger is lost, the folder alone says what is ours', async () => {
  const base = aFolder();
  const request = bodyRequest('words');
  await publisherAt(base, 'a.md').create(request, context);
  const placed = ours(await publisherAt(base, 'a.md', anotherProcess()).lookup?.(request, context));
  expect(placed).toMatchObject({ revision: 1, fingerprint: request.fingerprint, sha256: request.sha256 });
});

test('somebody else’s file is theirs and is not touched', async () => {
  const base = aFolder();
  mkdirSync(join(base, 'public'));
  writeFileSync(join(base, 'public/a.md'), 'hand-made');
  const publisher = publisherAt(base, 'a.md');
  for (const found of [
    await publisher.lookup?.(bodyRequest('words'), context),
    await publisher.create(bodyRequest('words'), context),
    await publisher.update?.(
      bodyRequest('words'),
      receiptOf({ id: 'a.md', sha256: sha256('x'), visible: true }, bodyRequest('x')),
      context,
    ),
  ]) {
    expect(found).toMatchObject({
      kind: 'theirs',
      location: join(base, 'public/a.md'),
      why: expect.stringContaining('did not put') as string,
    });
  }
  expect(readFileSync(join(base, 'public/a.md'), 'utf8')).toBe('hand-made');
  expect(filesIn(join(base, 'public'))).toEqual(['a.md']);
});

test('a file that stands there with exactly our bytes is taken over', async () => {
  const base = aFolder();
  mkdirSync(join(base, 'public'));
  writeFileSync(join(base, 'public/a.md'), 'words');
  const publisher = publisherAt(base, 'a.md');
  expect(await publisher.lookup?.(bodyRequest('words'), context)).toMatchObject({ kind: 'theirs' });
  ours(await publisher.create(bodyRequest('words'), context));
  ours(await publisher.lookup?.(bodyRequest('words'), context));
});

test('two effects that want one path do not share it, even with equal bytes', async () => {
  const base = aFolder();
  await publisherAt(base, 'a.md').create(bodyRequest('words'), context);
  const other = await publisherAt(base, 'a.md').create(
    bodyRequest('words', { effectKey: keyOf('other') }),
    context,
  );
  expect(other).toMatchObject({ kind: 'theirs', why: expect.stringContaining(keyOf('effect')) as string });
});

/** All of them get as far as the step before anybody goes on. */
function meetingAt(step: keyof Disk, racers: number): () => Disk {
  let open = (): void => undefined;
  const all = new Promise<void>((resolve) => (open = resolve));
  let came = 0;
  return () => {
    const disk = anotherProcess();
    const whole = disk[step] as (...args: readonly unknown[]) => Promise<void>;
    const meeting = async (...args: readonly unknown[]): Promise<void> => {
      if (++came === racers) open();
      await all;
      await whole(...args);
    };
    return { ...disk, [step]: meeting };
  };
}

const wants = (word: string, fields: Partial<BodyRequest> = {}): BodyRequest =>
  bodyRequest('the same words', { effectKey: keyOf(word), ...fields });

test.each<keyof Disk>(['link', 'append'])(
  'of effects that race for one path with equal bytes, and meet at %s, one gets it; the others are told whose it is',
  async (step) => {
    const base = aFolder();
    const disk = meetingAt(step, 8);
    const words = Array.from({ length: 8 }, (_, index) => `racer ${index}`);
    const ends = await Promise.all(
      words.map((word) => publisherAt(base, 'a.md', disk()).create(wants(word), context)),
    );
    const winners = words.filter((_, index) => ends[index]?.kind === 'ours');
    expect(winners).toHaveLength(1);
    const owner = keyOf(winners[0] ?? '');
    for (const word of words) {
      // Nobody changes their mind: not the look-up of another process, not a second try.
      for (const end of [
        await publisherAt(base, 'a.md', anotherProcess()).lookup?.(wants(word), context),
        await publisherAt(base, 'a.md', anotherProcess()).create(wants(word), context),
      ]) {
        if (keyOf(word) === owner) ours(end);
        else expect(end).toMatchObject({ kind: 'theirs', why: expect.stringContaining(owner) as string });
      }
    }
  },
);

test('effects that take over one unmarked file at once: one gets it', async () => {
  const base = aFolder();
  mkdirSync(join(base, 'public'));
  writeFileSync(join(base, 'public/a.md'), 'the same words');
  const disk = meetingAt('append', 2);
  const [one, two] = await Promise.all(
    ['one', 'two'].map((word) => publisherAt(base, 'a.md', disk()).create(wants(word), context)),
  );
  expect([one?.kind, two?.kind].sort()).toEqual(['ours', 'theirs']);
});

test('without hard links too, effects that race with equal bytes do not share a file', async () => {
  const base = aFolder();
  const atClaim = meetingAt('append', 2);
  const disk = (): Disk => ({ ...failing('link', 'EPERM'), append: atClaim().append });
  const ends = await Promise.all(
    ['one', 'two'].map((word) => publisherAt(base, 'a.md', disk()).create(wants(word), context)),
  );
  expect(ends.map(({ kind }) => kind).sort()).toEqual(['ours', 'theirs']);
});

test('what has the name of an effect that lost it is neither updated nor taken back by it', async () => {
  const base = aFolder();
  const [first, second] = ['first', 'second'].map((word) => wants(word));
  if (!first || !second) throw new Error('two');
  const placed = ours(await publisherAt(base, 'a.md').create(first, context));
  const publisher = publisherAt(base, 'a.md');
  // The receipt that a release which let both have it wrote for the other one.
  const receipt = receiptOf(placed, second);
  expect(
    await publisher.update?.(
      bodyRequest('newer', { effectKey: second.effectKey, revision: 2 }),
      receipt,
      context,
    ),
  ).toMatchObject({ kind: 'theirs' });
  await expect(publisher.unpublish?.(second, receipt, context)).rejects.toMatchObject({
    errorClass: 'conflict',
    message: expect.stringContaining('another effect') as string,
  });
  expect(readFileSync(join(base, 'public/a.md'), 'utf8')).toBe('the same words');
  await publisher.unpublish?.(first, receiptOf(placed, first), context);
  expect(visibleFilesIn(join(base, 'public'))).toEqual([]);
});

test('a path that was given up is free for another effect, also with equal bytes', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  const placed = ours(await publisher.create(wants('first'), context));
  await publisher.unpublish?.(wants('first'), receiptOf(placed, wants('first')), context);
  ours(await publisher.create(wants('second'), context));
  rmSync(join(base, 'public/a.md')); // by hand
  ours(await publisher.create(wants('third'), context));
  expect(await publisher.lookup?.(wants('second'), context)).toMatchObject({ kind: 'theirs' });
});

test('a copy of a folder, and one that an earlier release wrote, are of the effects that they were of', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  ours(await publisher.create(wants('first'), context));
  rmSync(join(base, 'public/a.md'));
  ours(await publisher.create(wants('second'), context));
  cpSync(join(base, 'public'), join(base, 'copy/public'), { recursive: true });
  const copied = publisherAt(join(base, 'copy'), 'a.md');
  ours(await copied.lookup?.(wants('second'), context));
  expect(await copied.lookup?.(wants('first'), context)).toMatchObject({ kind: 'theirs' });

  const journal = join(base, 'copy/public/.nightshift.jsonl');
  writeFileSync(journal, readFileSync(journal, 'utf8').replace(/"file":"[^"]*",/g, ''));
  const earlier = publisherAt(join(base, 'copy'), 'a.md', anotherProcess());
  ours(await earlier.lookup?.(wants('second'), context));
});

test('a file that a person changed is theirs, with the reason', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  await publisher.create(bodyRequest('words'), context);
  appendFileSync(join(base, 'public/a.md'), ' and more');
  expect(await publisher.lookup?.(bodyRequest('words'), context)).toMatchObject({
    kind: 'theirs',
    why: 'changed since it was published',
  });
});

test.each(['link', 'folder'])('a %s that has the name is theirs', async (what) => {
  const base = aFolder();
  mkdirSync(join(base, 'public'));
  if (what === 'link') symlinkSync('/nowhere', join(base, 'public/a.md'));
  else mkdirSync(join(base, 'public/a.md'));
  const publisher = publisherAt(base, 'a.md');
  const found = { kind: 'theirs', why: expect.stringContaining(`a ${what}`) as string };
  expect(await publisher.lookup?.(bodyRequest('words'), context)).toMatchObject(found);
  expect(await publisher.create(bodyRequest('words'), context)).toMatchObject(found);
});

test('a link to our own file is not our file', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  await publisher.create(bodyRequest('words'), context);
  renameSync(join(base, 'public/a.md'), join(base, 'public/b.md'));
  symlinkSync('b.md', join(base, 'public/a.md'));
  expect(await publisher.lookup?.(bodyRequest('words'), context)).toMatchObject({ kind: 'theirs' });
});

// --- Updates ---------------------------------------------------------------------------------------

const second = (text: string) => bodyRequest(text, { revision: 2, fingerprint: sha256('payload 2') });

test('a higher revision replaces the file, keeps its mode, and is the mark from then on', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  const before = receiptOf(ours(await publisher.create(bodyRequest('one'), context)), bodyRequest('one'));
  chmodSync(join(base, 'public/a.md'), 0o664);
  const placed = ours(await publisher.update?.(second('two'), before, context));
  expect(placed).toMatchObject({ revision: 2, sha256: sha256('two'), fingerprint: sha256('payload 2') });
  expect(readFileSync(join(base, 'public/a.md'), 'utf8')).toBe('two');
  expect(statSync(join(base, 'public/a.md')).mode & 0o777).toBe(0o664);
  expect(
    ours(await publisherAt(base, 'a.md', anotherProcess()).lookup?.(second('two'), context)).revision,
  ).toBe(2);
  ours(await publisher.update?.(second('two'), before, context)); // done already
  expect(filesIn(join(base, 'public'))).toEqual(['.nightshift.jsonl', 'a.md']);
});

test('a higher revision with the same bytes is marked as such', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  const before = receiptOf(ours(await publisher.create(bodyRequest('one'), context)), bodyRequest('one'));
  expect(ours(await publisher.update?.(second('one'), before, context)).revision).toBe(2);
});

test('an update is refused after a person’s edit', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  const before = receiptOf(ours(await publisher.create(bodyRequest('one'), context)), bodyRequest('one'));
  writeFileSync(join(base, 'public/a.md'), 'edited');
  expect(await publisher.update?.(second('two'), before, context)).toMatchObject({
    kind: 'theirs',
    why: 'changed since it was published',
  });
  expect(readFileSync(join(base, 'public/a.md'), 'utf8')).toBe('edited');
});

test('an update of a file that somebody removed does not bring it back', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  const before = receiptOf(ours(await publisher.create(bodyRequest('one'), context)), bodyRequest('one'));
  rmSync(join(base, 'public/a.md'));
  expect(await publisher.update?.(second('two'), before, context)).toEqual({ kind: 'absent' });
});

test('an older revision does not replace a newer one', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  const first = receiptOf(ours(await publisher.create(bodyRequest('one'), context)), bodyRequest('one'));
  const third = bodyRequest('three', { revision: 3 });
  await publisher.update?.(third, first, context);
  expect(await publisher.update?.(second('two'), first, context)).toMatchObject({ kind: 'theirs' });
  expect(readFileSync(join(base, 'public/a.md'), 'utf8')).toBe('three');
});

test('a receipt from before the latest update does not stop the next one', async () => {
  const base = aFolder();
  const publisher = publisherAt(base, 'a.md');
  const first = receiptOf(ours(await publisher.create(bodyRequest('one'), context)), bodyRequest('one'));
  await publisher.update?.(second('two'), first, context);
  expect(ours(await publisher.update?.(bodyRequest('three', { revision: 3 }), first, context)).revision).toBe(
    3,
  );
});

test('without the journal, the receipt proves which bytes are ours', async () => {
  const base = aFolder();
  const before = receiptOf(
    ours(await publisherAt(base, 'a.md').create(bodyRequest('one'), context)),
    bodyRequest('one'),
  );
  rmSync(join(base, 'public/.nightshift.jsonl'));
  ours(await publisherAt(base, 'a.md').update?.(second('two'), before, context));
  expect(readFileSync(join(base, 'public/a.md'), 'utf8')).toBe('two');
});

test('when only the path changed, the file stays where it is', async () => {
  const base = aFolder();
  await publisherAt(base, 'old.md').create(bodyRequest('one'), context);
  expect(ours(await publisherAt(base, 'new.md').lookup?.(bodyRequest('one'), context)).id).toBe('old.md');
  expect(ours(await publisherAt(base, 'new.md').create(bodyRequest('one'), context)).id).toBe('old.md');
  expect(visibleFilesIn(join(base, 'public'))).toEqual(['old.md']);
});

test('when path and revision changed, the file moves', async () => {
  const base = aFolder();
  const before = receiptOf(
    ours(await publisherAt(base, 'old.md').create(bodyRequest('one'), context)),
    bodyRequest('one'),
  );
  const moved = ours(await publisherAt(base, 'deep/new.md').update?.(second('two'), before, context));
  expect(moved).toMatchObject({ id: 'deep/new.md', revision: 2 });
  expect(visibleFilesIn(join(base, 'public'))).toEqual(['deep/new.md']);
});

test('a move to a path that is taken leaves both files alone', async () => {
  const base = aFolder();
  const before = receiptOf(
    ours(await publisherAt(base, 'old.md').create(bodyRequest('one'), context)),
    bodyRequest('one'),
  );
  writeFileSync(join(base, 'public/new.md'), 'theirs');
  expect(await publisherAt(base, 'new.md').update?.(second('two'), before, context)).toMatchObject({
    kind: 'theirs',
  });
  expect(readFileSync(join(base, 'public/new.md'), 'utf8')).toBe('theirs');
  expect(readFileSync(join(base, 'public/old.md'), 'utf8')).toBe('one');
});

test('what a move that was cut short left behind is a twin, and can be discarded', async () => {
  const base = aFolder();
  const before = receiptOf(
    ours(await publisherAt(base, 'old.md').create(bodyRequest('one'), context)),
    bodyRequest('one'),
  );
  await publisherAt(base, 'new.md').update?.(second('two'), before, context);
  writeFileSync(join(base, 'public/old.md'), 'one'); // the crash came before it was removed
  const found = await publisherAt(base, 'new.md').lookup?.(second('two'), context);
  expect(ours(found).id).toBe('new.md');
  const [twin] = (found?.kind === 'ours' && found.extras) || [];
  if (!twin) throw new Error('no twin');
  expect(twin.id).toBe('old.md');
  await publisherAt(base, 'new.md').discard?.(twin, second('two'), context);
  expect(visibleFilesIn(join(base, 'public'))).toEqual(['new.md']);
  await publisherAt(base, 'new.md').discard?.(twin, second('two'), context);
});

// --- Paths -----------------------------------------------------------------------------------------

test.each([
  ['', 'is empty'],
  ['/etc/passwd', 'absolute'],
  ['../a.md', '".."'],
  ['a/../../b.md', '".."'],
  ['a/./b.md', '"."'],
  ['a//b.md', 'empty part'],
  ['a/', 'empty part'],
  ['a\0.md', 'can’t be seen'],
  ['a\nb.md', 'can’t be seen'],
  ['a\u202egpj.md', 'can’t be seen'],
  ['a\u2028b', 'can’t be seen'],
  ['a\ud800b', 'can’t be seen'],
  ['a\\b.md', 'backslash'],
  ['..\\a.md', 'backslash'],
  ['-rf', 'begins with "-"'],
  ['a/-n.md', 'begins with "-"'],
  ['a./b', 'ends with a dot'],
  ['a.md ', 'ends with a dot or a space'],
  [' a.md', 'begins with a space'],
  ['...', 'ends with a dot'],
  ['con', 'device'],
  ['a/NUL.txt', 'device'],
  ['lpt1.md', 'device'],
  ['.nightshift.jsonl', 'which is ours'],
  ['a/.NightShift', 'which is ours'],
  [`.${'a'.repeat(32)}.${'0'.repeat(12)}.tmp`, 'temporary file'],
  [`${'a'.repeat(256)}`, '256 bytes'],
  [`${'é'.repeat(128)}`, '256 bytes'],
  [Array(2100).fill('a').join('/'), 'too long'],
])('the path %j is refused', (path, fault) => {
  expect(() => publisherAt('/tmp', path)).toThrow(
    expect.objectContaining({
      errorClass: 'invalid',
      facts: { sent: 'no' },
      message: expect.stringContaining(fault) as string,
    }) as Error,
  );
});

test.each([
  'a.md',
  'a b/c-d_e.md',
  '.well-known/x',
  'ünï/日本語.md',
  'a..b',
  'console.md',
  `${'a'.repeat(255)}`,
  'x:y',
  '$(id)',
  "it's",
  '*',
])('the path %j is taken as it is', async (path) => {
  const base = aFolder();
  expect(ours(await publisherAt(base, path).create(bodyRequest('x'), context)).id).toBe(path);
  expect(existsSync(join(base, 'public', path))).toBe(true);
});

test.each([
  ['./public/../../etc', '".."'],
  ['/srv/../etc', '".."'],
  ['public/\u0007', 'can’t be seen'],
])('the target %j is refused', async (target, fault) => {
  await expect(
    publisherAt(aFolder(), 'a.md').create(bodyRequest('x', { target }), context),
  ).rejects.toMatchObject({
    errorClass: 'invalid',
    message: expect.stringContaining(fault) as string,
  });
});

test('a target may lie beside the batch file’s folder where the operator says so', async () => {
  const base = aFolder();
  mkdirSync(join(base, 'batch'));
  await publisherAt(join(base, 'batch'), 'a.md').create(bodyRequest('x', { target: '../site' }), context);
  expect(existsSync(join(base, 'site/a.md'))).toBe(true);
});

test('nothing is written through a link that leads out of the target', async () => {
  const base = aFolder();
  mkdirSync(join(base, 'public'));
  mkdirSync(join(base, 'outside'));
  symlinkSync(join(base, 'outside'), join(base, 'public/way'));
  for (const path of ['way/a.md', 'way/deep/a.md']) {
    await expect(publisherAt(base, path).create(bodyRequest('x'), context)).rejects.toMatchObject({
      errorClass: 'invalid',
      facts: { sent: 'no' },
    });
  }
  expect(filesIn(join(base, 'outside'))).toEqual([]);
  expect(existsSync(join(base, 'outside/deep'))).toBe(false);
});

test('a link within the target, and a target that is one, are fine', async () => {
  const base = aFolder();
  mkdirSync(join(base, 'real/category'), { recursive: true });
  symlinkSync('real', join(base, 'public'));
  symlinkSync('category', join(base, 'real/alias'));
  ours(await publisherAt(base, 'alias/a.md').create(bodyRequest('x'), context));
  expect(existsSync(join(base, 'real/category/a.md'))).toBe(true);
});

test('both spellings of a name are one file', async () => {
  const base = aFolder();
  const [composed, decomposed] = ['caf\u00e9.md', 'cafe\u0301.md'];
  const placed = ours(await publisherAt(base, decomposed).create(bodyRequest('x'), context));
  expect(placed.id).toBe(composed);
  expect(ours(await publisherAt(base, composed).lookup?.(bodyRequest('x'), context)).id).toBe(composed);
  expect(visibleFilesIn(join(base, 'public'))).toEqual([composed]);
});

// --- What the system says ---------------------------------------------------------------------------

test.each([
  ['writeNew', 'ENOSPC', 'exhausted', 'no'],
  ['writeNew', 'EDQUOT', 'exhausted', 'no'],
  ['writeNew', 'EACCES', 'config', 'no'],
  ['writeNew', 'EROFS', 'config', 'no'],
  ['writeNew', 'ENAMETOOLONG', 'invalid', 'no'],
  ['append', 'EIO', 'transient', 'no'],
  ['link', 'EACCES', 'config', 'no'],
  ['link', 'ENOSPC', 'exhausted', 'no'],
  ['link', 'EIO', 'transient', 'maybe'],
  ['link', 'EODD', 'bug', 'maybe'],
] as const)('%s that ends with %s is %s, sent: %s', async (step, code, errorClass, sent) => {
  const publisher = publisherAt(aFolder(), 'a.md', failing(step, code));
  await expect(publisher.create(bodyRequest('x'), context)).rejects.toMatchObject({
    errorClass,
    facts: { sent, code },
  });
});

test('a folder that can’t be synced after the name was given leaves the outcome open', async () => {
  const base = aFolder();
  await publisherAt(base, 'first.md').create(bodyRequest('x', { effectKey: keyOf('first') }), context);
  const broken = publisherAt(base, 'a.md', failing('syncFolder', 'EIO'));
  await expect(broken.create(bodyRequest('x'), context)).rejects.toMatchObject({
    errorClass: 'transient',
    facts: { sent: 'maybe' },
  });
  ours(await publisherAt(base, 'a.md').lookup?.(bodyRequest('x'), context));
});

test('a try that is told to stop gives no file its name', async () => {
  const base = aFolder();
  const stopped = { ...context, signal: AbortSignal.abort() };
  await expect(publisherAt(base, 'a.md').create(bodyRequest('x'), stopped)).rejects.toMatchObject({
    facts: { sent: 'no' },
  });
  expect(visibleFilesIn(join(base, 'public'))).toEqual([]);
});

test('any error at all gets a class', () => {
  const publisher = publisherAt('/tmp', 'a.md');
  for (const error of [new Error('x'), 'text', undefined, Object.assign(new Error('x'), { code: 'EIO' })]) {
    expect(publisher.classify(error, 'lookup')).toMatchObject({ name: 'AdapterError' });
  }
});

test('without hard links, a name is still taken by one only', async () => {
  const base = aFolder();
  const disk = (): Disk => failing('link', 'EPERM');
  const placed = ours(await publisherAt(base, 'a.md', disk()).create(bodyRequest('words'), context));
  expect(readFileSync(join(base, 'public/a.md'), 'utf8')).toBe('words');
  expect(placed.sha256).toBe(sha256('words'));
  const theirs = await publisherAt(base, 'a.md', disk()).create(
    bodyRequest('other', { effectKey: keyOf('other') }),
    context,
  );
  expect(theirs).toMatchObject({ kind: 'theirs' });
  const ends = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      publisherAt(base, 'b.md', disk()).create(
        bodyRequest(`text ${index}`, { effectKey: keyOf('b') }),
        context,
      ),
    ),
  );
  const shas = ends.flatMap((end) => (end.status === 'fulfilled' ? [ours(end.value).sha256] : []));
  expect(shas.length).toBeGreaterThan(0);
  expect([...new Set(shas)]).toEqual([sha256(readFileSync(join(base, 'public/b.md')))]);
  expect(visibleFilesIn(join(base, 'public'))).toEqual(['a.md', 'b.md']);
});

test('without hard links, a name that a crash left taken is finished by the next try', async () => {
  const base = aFolder();
  const noLinks = failing('link', 'ENOTSUP');
  const crashing = { ...noLinks, rename: async () => Promise.reject(new Error('killed')) };
  await expect(publisherAt(base, 'a.md', crashing).create(bodyRequest('x'), context)).rejects.toThrow();
  const publisher = publisherAt(base, 'a.md', noLinks);
  expect(await publisher.lookup?.(bodyRequest('x'), context)).toEqual({ kind: 'absent' });
  await expect(publisher.create(bodyRequest('x'), context)).rejects.toMatchObject({
    errorClass: 'transient',
    facts: { sent: 'no' },
  });
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(join(base, 'public/a.md'), longAgo, longAgo);
  expect(ours(await publisher.create(bodyRequest('x'), context)).sha256).toBe(sha256('x'));
});

test('temporary files that are older than a day go, younger ones and those of others stay', async () => {
  const base = aFolder();
  mkdirSync(join(base, 'public'));
  const name = (letter: string) => `.${letter.repeat(32)}.${'0'.repeat(12)}.tmp`;
  const longAgo = new Date(Date.now() - 25 * 3_600_000);
  for (const file of [name('a'), name('b'), 'notes.tmp']) writeFileSync(join(base, 'public', file), '');
  for (const file of [name('a'), 'notes.tmp']) utimesSync(join(base, 'public', file), longAgo, longAgo);
  await publisherAt(base, 'a.md').create(bodyRequest('x'), context);
  expect(filesIn(join(base, 'public'))).toEqual([name('b'), '.nightshift.jsonl', 'a.md', 'notes.tmp'].sort());
});

test('two megabytes arrive whole', async () => {
  const base = aFolder();
  const request = bodyRequest('0123456789'.repeat(200_000));
  expect(ours(await publisherAt(base, 'big.bin').create(request, context)).sha256).toBe(request.sha256);
  expect(statSync(join(base, 'public/big.bin')).size).toBe(2_000_000);
});

test('options other than a path are refused', () => {
  expect(folder.options.safeParse({ path: 'a.md' }).success).toBe(true);
  for (const options of [{}, { path: '' }, { path: 1 }, { path: 'a', mode: 1 }]) {
    expect(folder.options.safeParse(options).success).toBe(false);
  }
});
