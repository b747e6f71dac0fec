// The script that brings Temporal's databases to their schema, with a tool that only writes down what it is told.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { tempDir } from '../support/batch.js';

const SCRIPT = fileURLToPath(new URL('../../deploy/temporal-schema.sh', import.meta.url));

function aTool(says: string) {
  const dir = tempDir();
  const tool = join(dir, 'tool');
  writeFileSync(tool, `#!/bin/sh\necho "$*" >> "${dir}/calls"\n${says}\n`, { mode: 0o755 });
  const env = { PATH: process.env['PATH'], SQL_TOOL: tool, SCHEMA: '/schema' };
  return { env, calls: () => readFileSync(join(dir, 'calls'), 'utf8').trim().split('\n') };
}

test('each database is set up, then brought to the newest schema of its own', () => {
  const { env, calls } = aTool('');
  execFileSync('sh', [SCRIPT], { env });
  expect(calls()).toEqual([
    '--database temporal setup-schema --version 0.0',
    '--database temporal update-schema --schema-dir /schema/postgresql/v12/temporal/versioned',
    '--database temporal_visibility setup-schema --version 0.0',
    '--database temporal_visibility update-schema --schema-dir /schema/postgresql/v12/visibility/versioned',
  ]);
});

test('a step that fails ends it, so that no server is started on half a schema', () => {
  const { env, calls } = aTool('case "$*" in *update-schema*) exit 3;; esac');
  expect(spawnSync('sh', [SCRIPT], { env }).status).toBe(3);
  expect(calls()).toHaveLength(2);
});
