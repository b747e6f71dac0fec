// What doctor says of batches under way whose project was moved since they were started.
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderArtifactStore } from '../../src/artifacts/folder-store.js';
import { storeManifest } from '../../src/batch/manifest.js';
import type { Connections } from '../../src/client/connections.js';
import { folderFindings } from '../../src/client/folder-finding.js';
import { batchFileSchema } from '../../src/contract/batch-file.js';
import { aLedger, BATCH, openBatch, temporaryFolder } from './ledger-fixture.js';

/** A batch under way, started from a folder that may be moved. */
async function startedFrom(folder: string, fields: object, env: NodeJS.ProcessEnv = {}) {
  const { ledger } = await aLedger();
  const artifacts = folderArtifactStore({ root: join(temporaryFolder(), 'artifacts') });
  const { jobs: _, ...file } = batchFileSchema.parse({
    ...{ name: 'nightly', work: 'article', identity: ['slug'], jobs: [{ slug: 'a' }] },
    agent: { use: 'antigravity' },
    effects: [{ name: 'post', use: 'folder', target: './public', with: { path: 'a.md' } }],
    ...fields,
  });
  const manifest = await storeManifest({ definition: { ...file, baseDir: folder }, jobs: [] }, artifacts);
  await openBatch(ledger, ['a'], { manifest: JSON.stringify(manifest) });
  const connections = { config: { env }, artifacts, ledger: async () => ledger } as unknown as Connections;
  return { connections, ledger };
}

function aProject(): { folder: string; move: () => void } {
  const folder = join(temporaryFolder(), 'blog');
  mkdirSync(folder);
  return { folder, move: () => renameSync(folder, `${folder}-moved`) };
}

test('a batch under way whose folder was moved is told of, with what to do, until it has ended', async () => {
  const { folder, move } = aProject();
  const { connections, ledger } = await startedFrom(folder, {});
  expect(await folderFindings(connections)).toEqual([]);
  move();
  expect(await folderFindings(connections)).toEqual([
    {
      subject: 'folders',
      status: 'warn',
      detail: `nightly was started from ${folder}, which is not there any more: its jobs stop at the first path that starts there`,
      fix: 'move it back, or start the batch from its file where that is now',
    },
  ]);
  await ledger.setBatchState(BATCH, 'incomplete', 'batch');
  expect(await folderFindings(connections)).toEqual([]);
});

test.each([
  [
    'a target that is absolute',
    [{ name: 'post', use: 'folder', target: '/srv/www', with: { path: 'a.md' } }],
  ],
  ['a bucket', [{ name: 'post', use: 's3', target: 's3://bucket', with: { key: 'a' } }]],
])('one that has nothing in that folder does not need it: %s', async (_, effects) => {
  const { folder, move } = aProject();
  const { connections } = await startedFrom(folder, { effects });
  move();
  expect(await folderFindings(connections)).toEqual([]);
});

test('workers of a configured engine may have it where this host does not', async () => {
  const { folder, move } = aProject();
  const { connections } = await startedFrom(folder, {}, { TEMPORAL_ADDRESS: 'temporal:7233' });
  move();
  expect(await folderFindings(connections)).toEqual([]);
});
