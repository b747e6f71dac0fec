// A program of this host passes on that the quota of the account behind it is used up. What counts is when it is called.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runJson } from '../support/cli.js';
import { slugsOf, tempDir, writeBatch } from '../support/batch.js';

const QUOTA_MS = 8_000;

/** Says once that it has to wait, and works from then on; notes when it was called. */
const AGENT = `
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
appendFileSync('calls.log', Date.now() + '\\n');
if (!existsSync('refused')) {
  writeFileSync('refused', '');
  const error = { class: 'exhausted', message: 'usage limit reached', retryAfterMs: ${QUOTA_MS} };
  writeFileSync(process.env.NIGHTSHIFT_RESULT_FILE, JSON.stringify({ v: 1, status: 'failed', error }));
  process.exit(1);
}
console.log('an article');
`;

test('a quota that one session has used up: no other is begun before it comes back, and then all are', async () => {
  const dir = join(tempDir('nightshift-quota-'), 'batch');
  const batch = writeBatch({ dir, name: 'quota', work: 'quota', slugs: slugsOf(4), concurrency: 1 });
  writeFileSync(join(dir, 'agent.mjs'), AGENT);
  const text = readFileSync(batch.file, 'utf8').replace('[sh, agent.sh]', '[node, agent.mjs]');
  writeFileSync(batch.file, text);

  const { exit, report } = await runJson(batch.file, { cwd: dir, state: batch.state });
  expect(exit.code, exit.stderr).toBe(0);
  expect(report.counts).toMatchObject({ done: 4, parked: 0 });
  const [refusedAt = 0, ...calls] = readFileSync(join(dir, 'calls.log'), 'utf8')
    .trim()
    .split('\n')
    .map(Number);
  expect(calls).toHaveLength(4);
  expect(Math.min(...calls) - refusedAt).toBeGreaterThanOrEqual(QUOTA_MS);
}, 120_000);
