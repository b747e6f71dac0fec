// Which night is meant: an edition that nobody gave.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createNightshift } from '../../src/client/nightshift.js';
import { InvalidBatch } from '../../src/contract/errors.js';
import { temporaryFolder, WORK } from './ledger-fixture.js';

function aDigest({ jobs = '[{ slug: one }, { slug: two }]' } = {}) {
  const folder = temporaryFolder();
  const file = join(folder, 'digest.yaml');
  writeFileSync(
    file,
    `name: digest
work: ${WORK}
identity: [edition, slug]
jobs: ${jobs}
agent: { use: command, command: [cat] }
effects: [{ name: post, use: folder, target: ./public, with: { path: "{{ edition }}-{{ slug }}.md" } }]
`,
  );
  const state = join(folder, 'state');
  return {
    file,
    folder,
    of: (edition?: string) => {
      const nightshift = createNightshift({ state, ...(edition !== undefined && { edition }) });
      onTestFinished(() => nightshift.close());
      return nightshift;
    },
  };
}

describe('a batch that needs an edition', () => {
  const hint = /^give the night: --edition \d{4}-\d\d-\d\d, or start it as its schedule does: nightshift sch/;
  const problemsOf = async (file: string, digest: ReturnType<typeof aDigest>) => {
    const refused: unknown = await digest
      .of()
      .read(file)
      .catch((error: unknown) => error);
    if (!(refused instanceof InvalidBatch)) throw new Error('it was read');
    return refused.problems;
  };

  test('says how to give it where nobody did', async () => {
    const digest = aDigest();
    const [first] = await problemsOf(digest.file, digest);
    expect(first?.message).toBe('the identity field "edition" is missing');
    expect(first?.hint).toMatch(hint);
  });

  test('says it of a table without that column too, unless it has one that is meant', async () => {
    const digest = aDigest({ jobs: './jobs.csv' });
    const csv = join(digest.folder, 'jobs.csv');
    writeFileSync(csv, 'slug\none\n');
    expect((await problemsOf(digest.file, digest))[0]?.hint).toMatch(hint);
    writeFileSync(csv, 'slug,editon\none,2026-11-09\n');
    expect((await problemsOf(digest.file, digest))[0]?.hint).toBe('did you mean "editon"?');
  });
});
