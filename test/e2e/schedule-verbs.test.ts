// The verbs of `nightshift schedule` as they are typed, on a real engine.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeBatch } from '../support/batch.js';
import { cli } from '../support/cli.js';

test('a file is tried, applied, looked at and edited: each verb says what it did, and exits as its page says', async () => {
  const batch = writeBatch({ slugs: ['one'] });
  const file = join(batch.dir, 'schedules.yaml');
  writeFileSync(
    batch.file,
    readFileSync(batch.file, 'utf8')
      .replace('jobs:', 'identity: [site, category, slug, edition]\njobs:')
      .replace('{{ slug }}.md', '{{ slug }}-{{ edition }}.md'),
  );
  const declare = (...schedules: readonly [name: string, at: string][]): void =>
    writeFileSync(
      file,
      ['timeZone: Europe/Berlin', 'schedules:']
        .concat(
          schedules.map(([name, at]) => `  - { name: ${name}, batch: ./batch.yaml, when: { at: "${at}" } }`),
        )
        .join('\n'),
    );
  const call = (...args: string[]) => cli(['schedule', ...args], { cwd: batch.dir });
  declare(['early', '02:30'], ['late', '23:15']);

  const tried = await call('apply', file, '--dry-run');
  expect(tried.code, tried.stderr).toBe(2);
  expect(tried.stdout).toMatch(/^\+ early {2}new$/m);
  expect(tried.stderr).toContain('nothing was changed; do it: ');
  const none = await call('list');
  expect([none.code, none.stdout.trim()]).toEqual([0, 'no schedule is applied']);

  expect((await call('apply', file)).code).toBe(0);
  const again = await call('apply', file, '--dry-run');
  expect(again.code, again.stdout).toBe(0);
  expect(again.stdout).toMatch(/^= early {2}as it is$/m);
  const listed = await call('list');
  expect(listed.stdout).toMatch(/^early +.*02:30.* none yet .* skip /m);
  const status = await call('status', 'late');
  expect(status.stdout).toMatch(/^late: next .*23:15.*CES?T.*batch\.yaml\nno night yet$/m);

  declare(['early', '02:30'], ['late', '02:30']);
  const edited = await call('apply', file);
  expect(edited.stdout).toMatch(/^~ late {2}changed\n {4}when: at 23:15 -> at 02:30$/m);
  const page = join(batch.dir, 'preview.html');
  const preview = await call('preview', '--html', page, '--time-zone', 'Europe/Berlin');
  expect(preview.code, preview.stderr).toBe(0);
  // Two schedules of one minute, in the third column of 24.
  const marks = '(?:\\. ){2}X (?:\\. ){20}\\.';
  expect(preview.stdout).toMatch(new RegExp(`^early {2}${marks}\\s*$`, 'm'));
  expect(preview.stdout).toMatch(new RegExp(`^late {3}${marks}\\s*$`, 'm'));
  const shown = readFileSync(page, 'utf8');
  expect(shown.match(/<tr class="together">/g)?.length).toBeGreaterThan(10);
  expect(shown.match(/fill="#dc2626"/g)?.length, 'diamonds').toBe(
    shown.match(/<tr class="together">/g)?.length,
  );

  const unknown = await call('trigger', 'gone');
  expect(unknown.code).toBe(64);
  expect(unknown.stderr).toContain('no schedule "gone"');
  declare(['early', '02:30']);
  const kept = await call('apply', file);
  expect(kept.stdout).toMatch(/^! late {2}not in the file any more; stays without --delete$/m);
  expect((await call('apply', file, '--delete')).stdout).toMatch(/^- late {2}deleted$/m);
});
