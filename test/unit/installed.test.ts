// What `npm run demo` says where an install did not come to its end.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('a clone without an install is told what to run, and no stack; one with it is not stopped', () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightshift-installed-'));
  cpSync('scripts/installed.mjs', join(dir, 'scripts', 'installed.mjs'));
  const look = () =>
    spawnSync(process.execPath, [join(dir, 'scripts', 'installed.mjs')], { encoding: 'utf8' });
  const { status, stderr } = look();
  expect(status).toBe(78);
  expect(stderr).toMatch(/^nightshift is not installed here .*: run "npm ci"/);
  expect(stderr).not.toContain('    at ');
  for (const path of ['node_modules/.package-lock.json', 'dist/cli/main.js']) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), '');
  }
  expect(look()).toMatchObject({ status: 0, stderr: '' });
});

test('the demo looks at that first', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  expect(scripts['demo']).toMatch(/^node scripts\/installed\.mjs && /);
});
