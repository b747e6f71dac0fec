// The agent service is down when a batch is started, and comes back a while later: the batch is late, and complete.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunReport } from '../../src/contract/result.js';
import { startAgentServer } from '../../src/testing/index.js';
import { cli, startCli, until } from '../support/cli.js';
import { slugsOf, tempDir, writeBatch } from '../support/batch.js';

const env = { GEMINI_API_KEY: 'test-key' };

test('jobs wait while their service is down, and none is parked or paid for twice', async () => {
  const before = await startAgentServer({ seed: 3, speed: 1500 });
  const { port } = new URL(before.url);
  await before.close();

  const batch = writeBatch({ dir: tempDir('nightshift-down-'), slugs: slugsOf(6) });
  const { state } = batch;
  writeFileSync(
    join(batch.dir, 'batch.yaml'),
    `name: nightly
work: article
jobs: ./batch.csv
agent:
  use: antigravity
  prompt: Write about {{ title }}.
  with: { baseUrl: "${before.geminiUrl}", pollInterval: 100ms }
effects:
  - { name: post, use: folder, target: "./public/{{ site }}", with: { path: "{{ category }}/{{ slug }}.md" } }
`,
  );
  const run = startCli(['run', batch.file, '--state', state, '--json'], { cwd: batch.dir, env });
  await until('the lane is closed', async () => {
    const { stdout } = await cli(['lanes', '--state', state], { cwd: batch.dir });
    return stdout.includes('can’t be reached');
  });

  const after = await startAgentServer({ seed: 3, speed: 1500, port: Number(port) });
  try {
    const { code, stdout, stderr } = await run.exit;
    expect(code, stderr).toBe(0);
    const { batch: ended, counts, sessions } = JSON.parse(stdout) as RunReport;
    expect(ended.result).toBe('completed');
    expect(counts).toMatchObject({ done: 6, parked: 0, held: 0 });
    expect(sessions.wasted).toBe(0);
    expect(after.ledger().totals).toMatchObject({ runs: 6, paidTurns: 6, open: 0 });
    expect(batch.published()).toHaveLength(6);
  } finally {
    await after.close();
  }
}, 180_000);
