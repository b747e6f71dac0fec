// Histories of earlier runs replay against the present Workflow code: a change that would break a batch under way
// fails here. Record new ones with `node scripts/record-histories.mjs` after a change of shape, and keep the old.
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('./histories/', import.meta.url));
const codePath = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

describe('recorded histories', () => {
  test('there is one of each shape', () => {
    expect(names.length).toBeGreaterThanOrEqual(8);
  });

  test.each(names)('%s replays', async (name) => {
    const { workflowId, history } = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as {
      workflowId: string;
      history: unknown;
    };
    await Worker.runReplayHistory({ workflowBundle: { codePath } }, historyFromJSON(history), workflowId);
  });

  test('a history that the code could not have written is refused', async () => {
    const [first = ''] = names.filter((name) => name.startsWith('job-'));
    const text = readFileSync(`${folder}/${first}`, 'utf8').replaceAll('"runAgent"', '"somethingElse"');
    const { workflowId, history } = JSON.parse(text) as { workflowId: string; history: unknown };
    await expect(
      Worker.runReplayHistory({ workflowBundle: { codePath } }, historyFromJSON(history), workflowId),
    ).rejects.toThrow(/TMPRL1100|[Nn]ondeterminism/);
  });
});
