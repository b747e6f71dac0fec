// What a batch file says that is allowed, and that its operator may not have meant: told by plan and run, in JSON too.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createNightshift } from '../../src/client/nightshift.js';

type Odd = [what: string, identity: string, jobs: string, note: RegExp, path?: string];

/** Refused where files are kept without regard to case. */
const CASE: Odd[] =
  process.platform === 'linux'
    ? [
        [
          'files that are one where case makes no difference',
          'slug',
          '[{ slug: a, path: Date.md }, { slug: b, path: date.md }]',
          /:4: effect "post" of "b" has the place of "a" .*, but for upper and lower case: not every system keeps them apart$/,
          '{{ path }}',
        ],
      ]
    : [];

test.each<Odd>([
  [
    'jobs that only look like one',
    'slug',
    '[{ slug: a b }, { slug: "a\\u00a0b" }]',
    /:4 and .*:4 are two jobs that look like one: "a b" and "a\\u\{a0\}b"$/,
  ],
  [
    'a value with a character that nobody sees',
    'slug',
    '[{ slug: "soft\\u00adhyphen" }]',
    /:4: the identity field "slug" has the invisible character U\+00AD: "soft\\u\{00ad\}hyphen"; without it, this is another job$/,
  ],
  [
    'an identity field that reads as if it were another at each run',
    'requestId',
    '[{ requestId: req-7 }]',
    /^identity field "requestId" reads like one that says when or how a job runs: .* use "edition"$/,
  ],
  ...CASE,
])('%s: among the warnings of a plan and of a run', async (_, field, jobs, note, path = '{{ key }}.md') => {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-notes-'));
  const file = join(dir, 'batch.yaml');
  writeFileSync(
    file,
    `name: nightly
work: article
identity: [${field}]
jobs: ${jobs}
agent: { use: command, command: [sh] }
effects: [{ name: post, use: folder, target: ./public, with: { path: "${path}" } }]
`,
  );
  const progress: string[] = [];
  const nightshift = createNightshift({
    state: join(dir, 'state'),
    env: { PATH: '/usr/bin:/bin' },
    onProgress: (line) => progress.push(line),
  });
  const warnings = [expect.stringMatching(note)];
  try {
    const batch = await nightshift.read(file);
    expect((await nightshift.plan(batch)).warnings).toEqual(warnings);
    expect((await nightshift.untold(batch)).warnings).toEqual(warnings);
    expect(progress).toEqual([]); // told once
  } finally {
    await nightshift.close();
  }
});
