// What a batch file says that is allowed, and that its operator may not have meant: told by plan and run, in JSON too.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createNightshift } from '../../src/client/nightshift.js';

test('jobs that only look like one are among the warnings of a plan and of a run', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-notes-'));
  const file = join(dir, 'batch.yaml');
  writeFileSync(
    file,
    `name: nightly
work: article
identity: [slug]
jobs: [{ slug: a b }, { slug: "a\\u00a0b" }]
agent: { use: command, command: [sh] }
effects: [{ name: post, use: folder, target: ./public, with: { path: "{{ key }}.md" } }]
`,
  );
  const progress: string[] = [];
  const nightshift = createNightshift({
    state: join(dir, 'state'),
    env: { PATH: '/usr/bin:/bin' },
    onProgress: (line) => progress.push(line),
  });
  const alike = [
    expect.stringMatching(/:4 and .*:4 are two jobs that look like one: "a b" and "a\\u\{a0\}b"$/),
  ];
  try {
    const batch = await nightshift.read(file);
    expect((await nightshift.plan(batch)).warnings).toEqual(alike);
    expect((await nightshift.untold(batch)).warnings).toEqual(alike);
    expect(progress).toEqual([]); // told once
  } finally {
    await nightshift.close();
  }
});
