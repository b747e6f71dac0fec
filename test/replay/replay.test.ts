// Histories of earlier runs replay against the present Workflow code: a change that would break a batch under way
// fails here. Record new ones by scripts/record-histories.mjs after a change of shape, and keep the old.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { beforeAll, describe, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('./histories/', import.meta.url));
const codePath = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.json(\.gz)?$/.test(name))
  .sort();

const SHAPES = [
  'batch-canary',
  'batch-cancelled',
  'batch-completed',
  'batch-incomplete',
  'batch-joined',
  'batch-killed-worker',
  'batch-paused-resumed',
  'batch-reopened',
  'batch-retried-and-widened',
  'batch-sharded',
  'batch-stop-loss',
  'batch-stopped-by-config',
  'job-cancelled',
  'job-done',
  'job-gated',
  'job-joined',
  'job-killed-worker',
  'job-parked',
  'job-paused-resumed',
  'job-updated-by-revision',
  'nightly-after',
  'nightly-asked',
  'nightly-queued',
  'nightly-started',
  'shard-canary',
  'shard-completed',
  'shard-stop-loss',
];

function textOf(name: string): string {
  const bytes = readFileSync(join(folder, name));
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

async function replay(text: string): Promise<void> {
  const { workflowId, history } = JSON.parse(text) as { workflowId: string; history: unknown };
  await Worker.runReplayHistory({ workflowBundle: { codePath } }, historyFromJSON(history), workflowId);
}

beforeAll(() => {
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
  });
});

describe('recorded histories', () => {
  test('there is one of each shape', () => {
    const shapes = new Set(names.map((name) => basename(name).replace(/\.json(\.gz)?$/, '')));
    expect([...shapes].sort()).toEqual(SHAPES);
  });

  test.each(names)('%s replays', async (name) => {
    await replay(textOf(name));
  });

  // The histories are altered rather than the code: to replay, both must be the other's.
  test.each([
    ['job-done', 'another Activity', '"runAgent"', '"askAgent"'],
    ['job-done', 'another order of steps', /"(runAgent|publish)"/g, swapped('runAgent', 'publish')],
    ['batch-completed', 'another first step', '"openBatch"', '"planBatch"'],
    ['batch-completed', 'another type of child', '"name":"job"', '"name":"task"'],
    ['batch-paused-resumed', 'another note of a pause', '"noteBatch"', '"settleBatch"'],
    ['nightly-queued', 'no wait for the other night', '"awaitBatch"', '"awaitJob"'],
    ['nightly-after', 'no wait for the night before it', '"awaitUpstream"', '"awaitBatch"'],
    ['batch-sharded', 'jobs started by the batch itself', '"name":"shard"', '"name":"job"'],
  ])('%s with %s is refused', async (shape, _what, from, to) => {
    const name = names.findLast((each) => basename(each).startsWith(`${shape}.`)) ?? '';
    const text = textOf(name);
    const altered = typeof to === 'string' ? text.replaceAll(from, to) : text.replace(from, to);
    expect(altered).not.toBe(text);
    await expect(replay(altered)).rejects.toThrow(/TMPRL1100|[Nn]ondeterminism/);
  });
});

function swapped(one: string, other: string): (quoted: string) => string {
  return (quoted) => (quoted === `"${one}"` ? `"${other}"` : `"${one}"`);
}
