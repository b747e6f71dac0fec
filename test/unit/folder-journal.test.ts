/** The journal of a target: read once and then only what is new, whatever others do to the file. */
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemDisk } from '../../src/activities/publishers/folder/disk.js';
import { Journal, type Mark } from '../../src/activities/publishers/folder/journal.js';
import { aFolder, anotherProcess, journalOf, keyOf, sha256 } from './folder-fixture.js';

const markOf = (word: string, fields: Partial<Mark> = {}): Mark => ({
  v: 1,
  key: keyOf(word),
  revision: 1,
  fingerprint: sha256(`payload of ${word}`),
  path: `${word}.md`,
  sha256: sha256(word),
  at: '2026-01-01T00:00:00.000Z',
  ...fields,
});

const FILE = '.nightshift.jsonl';
const words = (...indexes: number[]): string[] => indexes.map((index) => `w${index}`);
const knows = (journal: Journal, word: string): boolean => journal.marksOf(keyOf(word)).length > 0;

test('two writers see each other’s marks', async () => {
  const root = aFolder();
  const [one, two] = [new Journal(root, anotherProcess()), new Journal(root, anotherProcess())];
  for (let index = 0; index < 40; index += 2) {
    await Promise.all([one.append(markOf(`w${index}`)), two.append(markOf(`w${index + 1}`))]);
  }
  await Promise.all([one.refresh(), two.refresh()]);
  const third = new Journal(root, anotherProcess());
  await third.refresh();
  for (const journal of [one, two, third]) {
    for (let index = 0; index < 40; index++)
      expect(journal.marksOf(keyOf(`w${index}`))).toEqual([markOf(`w${index}`)]);
  }
});

test('marks that are written at the same time share a sync', async () => {
  let appends = 0;
  const counting = {
    ...systemDisk,
    append: async (path: string, text: string) => (appends++, systemDisk.append(path, text)),
  };
  const root = aFolder();
  const journal = new Journal(root, counting);
  await Promise.all(Array.from({ length: 100 }, (_, index) => journal.append(markOf(`w${index}`))));
  expect(appends).toBeLessThan(5);
  expect(journalOf(root).trim().split('\n')).toHaveLength(100);
});

test('what was read is not read again', async () => {
  const root = aFolder();
  const journal = new Journal(root, systemDisk);
  await journal.append(markOf('first'));
  // Same length, other words: a reader that began again would notice.
  writeFileSync(join(root, FILE), journalOf(root).replace(keyOf('first'), keyOf('other')));
  await journal.append(markOf('second'));
  expect([knows(journal, 'first'), knows(journal, 'other'), knows(journal, 'second')]).toEqual([
    true,
    false,
    true,
  ]);
});

test.each([1, 20, 200])(
  'a last line cut %i bytes before its end loses that mark only, and the next one is whole',
  async (cut) => {
    const root = aFolder();
    const writer = new Journal(root, anotherProcess());
    await writer.append(markOf('kept'));
    await writer.append(markOf('cut'));
    truncateSync(join(root, FILE), journalOf(root).length - 1 - cut);
    const reader = new Journal(root, anotherProcess());
    await reader.refresh();
    expect([knows(reader, 'kept'), knows(reader, 'cut')]).toEqual([true, false]);
    await reader.append(markOf('next'));
    const fresh = new Journal(root, anotherProcess());
    await fresh.refresh();
    expect(['kept', 'cut', 'next'].map((word) => knows(fresh, word))).toEqual([true, false, true]);
  },
);

test('a last line that lacks nothing but its end counts', async () => {
  const root = aFolder();
  const writer = new Journal(root, anotherProcess());
  await writer.append(markOf('a'));
  truncateSync(join(root, FILE), journalOf(root).length - 1);
  const reader = new Journal(root, anotherProcess());
  await reader.refresh();
  expect(knows(reader, 'a')).toBe(true);
  await reader.append(markOf('b'));
  await writer.refresh();
  const fresh = new Journal(root, anotherProcess());
  await fresh.refresh();
  for (const journal of [reader, fresh])
    expect([journal.marksOf(keyOf('a')).length, journal.marksOf(keyOf('b')).length]).toEqual([1, 1]);
});

test('a mark that another writer’s half line spoils is written again', async () => {
  const root = aFolder();
  let spoil = true;
  const unlucky = {
    ...systemDisk,
    append: async (path: string, text: string) => {
      if (spoil) appendFileSync(path, '{"v":1,"key":"'); // killed half-way, after we looked
      spoil = false;
      await systemDisk.append(path, text);
    },
  };
  await new Journal(root, unlucky).append(markOf('a'));
  const fresh = new Journal(root, anotherProcess());
  await fresh.refresh();
  expect(fresh.marksOf(keyOf('a'))).toEqual([markOf('a')]);
});

test('lines that say nothing to us are passed over', async () => {
  const root = aFolder();
  const lines = [
    '',
    'not json',
    '{',
    '[]',
    'null',
    JSON.stringify({ ...markOf('later'), v: 2 }),
    JSON.stringify({ ...markOf('out'), path: '../../etc/passwd' }),
    JSON.stringify({ ...markOf('key'), key: 'x' }),
    JSON.stringify({ ...markOf('good'), more: 'fields of a later release' }),
    '\ufffd\u0000',
  ];
  writeFileSync(join(root, FILE), `${lines.join('\n')}\n`);
  const journal = new Journal(root, systemDisk);
  await journal.refresh();
  expect(['later', 'out', 'key', 'good'].map((word) => knows(journal, word))).toEqual([
    false,
    false,
    false,
    true,
  ]);
});

test('a journal that was put in its place by somebody is read from its beginning', async () => {
  const root = aFolder();
  const journal = new Journal(root, systemDisk);
  for (const word of words(1, 2, 3)) await journal.append(markOf(word));
  writeFileSync(join(root, 'restored'), `${JSON.stringify(markOf('old'))}\n`);
  renameSync(join(root, 'restored'), join(root, FILE));
  await journal.refresh();
  expect([knows(journal, 'w1'), knows(journal, 'old')]).toEqual([false, true]);
  truncateSync(join(root, FILE), 0);
  await journal.refresh();
  expect(knows(journal, 'old')).toBe(false);
  rmSync(join(root, FILE));
  await journal.append(markOf('new'));
  expect(knows(journal, 'new')).toBe(true);
});

test.each(['link', 'folder'])('a %s in the place of the journal is a fault of the set-up', async (what) => {
  const root = aFolder();
  if (what === 'folder') mkdirSync(join(root, FILE));
  else symlinkSync('/etc/passwd', join(root, FILE));
  await expect(new Journal(root, systemDisk).append(markOf('a'))).rejects.toMatchObject({
    errorClass: 'config',
  });
});

test('a journal longer than what is read at once is read whole', async () => {
  const root = aFolder();
  const lines = Array.from({ length: 12_000 }, (_, index) =>
    JSON.stringify(markOf(`w${index}`, { path: `é/w${index}.md` })),
  );
  writeFileSync(join(root, FILE), `${lines.join('\n')}\n`);
  expect(readFileSync(join(root, FILE)).length).toBeGreaterThan(3 << 20);
  const journal = new Journal(root, systemDisk);
  await journal.refresh();
  expect(words(0, 5000, 11_999).every((word) => knows(journal, word))).toBe(true);
  expect(journal.lastToMark('é/w11999.md')).toBe(keyOf('w11999'));
});

test('a file is of the first that marked this very file, else of the last that marked its bytes there', async () => {
  const root = aFolder();
  const journal = new Journal(root, systemDisk);
  const bytes = { path: 'a.md', sha256: sha256('same') };
  for (const [word, file] of [
    ['lost', '1-100'],
    ['won', '2-100'],
    ['came late', '2-100'],
    ['lost too', '3-100'],
  ] as const)
    await journal.append(markOf(word, { ...bytes, file }));
  const ownerOf = (file: string, text = 'same') => journal.ownerOf('a.md', { sha256: sha256(text), file });
  expect(ownerOf('2-100')).toBe(keyOf('won'));
  expect(ownerOf('2-999')).toBe(keyOf('lost too'));
  expect(ownerOf('2-100', 'edited')).toBeUndefined();
});
