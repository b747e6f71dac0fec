/** Golden vectors: the same values give the same keys in every release, on every host. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/contract/json.js';
import { canonicalForm } from '../../src/identity/canonical.js';
import { canonicalJson } from '../../src/identity/canonical-json.js';
import { fingerprint } from '../../src/identity/fingerprint.js';
import { batchKey, effectKey, jobKey, keyOf, runKey } from '../../src/identity/keys.js';
import {
  batchWorkflowId,
  jobWorkflowId,
  parseBatchWorkflowId,
  parseJobWorkflowId,
  parseShardWorkflowId,
  shardWorkflowId,
} from '../../src/identity/workflow-ids.js';

interface Vectors {
  jobKeys: { note: string; values: string[]; canonical: string; key: string }[];
  runKeys: { work: string; jobKey: string; revision: number; key: string }[];
  effectKeys: { work: string; jobKey: string; name: string; target: string; key: string }[];
  batchKeys: { name: string; jobKeys: string[]; key: string }[];
  workflowIds: (
    | { kind: 'batch'; name: string; batchKey: string; id: string }
    | { kind: 'shard'; name: string; batchKey: string; shard: number; id: string }
    | { kind: 'job'; work: string; jobKey: string; id: string }
  )[];
  fingerprints: {
    note: string;
    identity: Record<string, string>;
    input: JsonObject;
    canonical: string;
    fingerprint: string;
  }[];
}

const vectors = JSON.parse(
  readFileSync(new URL('identity.vectors.json', import.meta.url), 'utf8'),
) as Vectors;

test('the published recipe is kept: plain values give SHA-256 of site:category:slug', () => {
  const slug = 'antigravity-managed-agents-api-idempotent-batch-design';
  expect(jobKey({ site: 'antigravitylab', category: 'agents', slug })).toBe(
    'd54377b09e326f79edd7ae454a87be49',
  );
});

test.each(vectors.jobKeys)('job key: $note', ({ values, canonical, key }) => {
  expect(canonicalForm(values)).toBe(canonical);
  expect(keyOf(values)).toBe(key);
  expect(jobKey(Object.fromEntries(values.map((value, i) => [`field${i}`, value])))).toBe(key);
});

test.each(vectors.runKeys)('run key of $work, revision $revision', ({ key, ...of }) => {
  expect(runKey(of)).toBe(key);
});

test.each(vectors.effectKeys)('effect key of $work, $name at $target', ({ key, ...of }) => {
  expect(effectKey(of)).toBe(key);
});

test.each(vectors.batchKeys)('batch key of $name', ({ key, ...of }) => {
  expect(batchKey(of)).toBe(key);
});

test.each(vectors.workflowIds)('Workflow ID $id', (vector) => {
  const { kind, id, ...parts } = vector;
  switch (vector.kind) {
    case 'batch':
      expect(batchWorkflowId(vector)).toBe(id);
      expect(parseBatchWorkflowId(id)).toEqual(parts);
      break;
    case 'shard':
      expect(shardWorkflowId(vector)).toBe(id);
      expect(parseShardWorkflowId(id)).toEqual(parts);
      break;
    case 'job':
      expect(jobWorkflowId(vector)).toBe(id);
      expect(parseJobWorkflowId(id)).toEqual(parts);
      break;
    default:
      expect.unreachable(kind);
  }
});

test.each(vectors.fingerprints)('fingerprint: $note', ({ identity, input, canonical, ...expected }) => {
  expect(canonicalJson({ identity, input }, (text) => text.normalize('NFC'))).toBe(canonical);
  expect(fingerprint({ identity, input })).toBe(expected.fingerprint);
});
