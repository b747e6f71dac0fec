/** A stored batch: what is read back is what was stored, or nothing. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  readDefinition,
  readJob,
  readTickets,
  storeManifest,
  type StoredJob,
} from '../../src/batch/manifest.js';
import type { Batch } from '../../src/batch/read-batch.js';
import type { ArtifactStore } from '../../src/contract/artifact.js';
import { AdapterError } from '../../src/contract/errors.js';
import { fingerprint } from '../../src/identity/fingerprint.js';
import { keyOf } from '../../src/identity/keys.js';
import { batchFile, read } from './fixtures/batch/folder.js';

interface MemoryStore extends ArtifactStore {
  readonly objects: Map<string, Buffer>;
  reads: number;
}

function memoryStore(): MemoryStore {
  const objects = new Map<string, Buffer>();
  const found = (sha256: string): Buffer => {
    const bytes = objects.get(sha256);
    if (!bytes) throw new AdapterError('lost', `${sha256} is gone`);
    return bytes;
  };
  const store: MemoryStore = {
    objects,
    reads: 0,
    async put(content) {
      const parts: Uint8Array[] = [];
      if (content instanceof Uint8Array) parts.push(content);
      else for await (const part of content) parts.push(part);
      const bytes = Buffer.concat(parts);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      objects.set(sha256, bytes);
      return { sha256, bytes: bytes.length };
    },
    read: async (sha256) => {
      store.reads += 1;
      return found(sha256);
    },
    readRange: async (sha256, offset, length) => found(sha256).subarray(offset, offset + length),
    has: async (sha256) => objects.has(sha256),
  };
  return store;
}

/** Jobs with texts of several bytes a character, so that offsets in bytes and in characters differ. */
const aBatch = (jobs = 3): Promise<Batch> => {
  const lines = Array.from(
    { length: jobs },
    (_, i) => `blog,caf\u00e9-${i},\u65e5\u672c ${'\u{1f600}'.repeat(i % 7)}`,
  );
  return read({ 'night.yaml': batchFile(), 'jobs.csv': `site,slug,title\n${lines.join('\n')}\n` });
};

test('what an earlier release took as an identity, and this one refuses, is still read', async () => {
  const store = memoryStore();
  const batch = await aBatch(1);
  const [job] = batch.jobs;
  if (!job) throw new Error('no job');
  const identity = { uuid: 'a\u00adb' };
  const taken = {
    ...job,
    identity,
    key: keyOf(['a\u00adb']),
    fingerprint: fingerprint({ identity, input: {} }),
    input: {},
  };
  const definition = { ...batch.definition, identity: ['uuid'] };
  const ref = await storeManifest({ ...batch, definition, jobs: [taken] }, store);
  expect((await readDefinition(ref, store)).identity).toEqual(['uuid']);
  expect((await all(readTickets(ref, store))).map((ticket) => ticket.job.identity)).toEqual([identity]);
});

const all = async (tickets: AsyncIterable<StoredJob>): Promise<StoredJob[]> => {
  const list: StoredJob[] = [];
  for await (const ticket of tickets) list.push(ticket);
  return list;
};

test('a batch comes back job by job, by byte offsets, in its order', async () => {
  const [batch, store] = [await aBatch(), memoryStore()];
  const ref = await storeManifest(batch, store);
  expect(ref.count).toBe(3);
  expect(await readDefinition(ref, store)).toEqual(batch.definition);
  const tickets = await all(readTickets(ref, store));
  expect(tickets.map(({ job }) => job)).toEqual(batch.jobs.map(({ file: _, line: __, ...job }) => job));
  for (const { job, offset, length } of tickets) {
    expect(await readJob({ jobs: ref.jobs, offset, length }, store)).toEqual(job);
  }
});

test('the same batch stored twice is one manifest, wherever its fields stood', async () => {
  const [batch, store] = [await aBatch(), memoryStore()];
  const definition = Object.fromEntries(Object.entries(batch.definition).reverse()) as Batch['definition'];
  expect(await storeManifest({ ...batch, definition }, store)).toEqual(await storeManifest(batch, store));
  expect(store.objects.size).toBe(2);
});

test('a list longer than one read is put together again', async () => {
  const [batch, store] = [await aBatch(20_000), memoryStore()];
  const ref = await storeManifest(batch, store);
  expect(store.objects.get(ref.jobs)?.length).toBeGreaterThan(3 * 1024 * 1024);
  const tickets = await all(readTickets(ref, store));
  expect(tickets).toHaveLength(20_000);
  const last = tickets.at(-1);
  expect(last?.job.key).toBe(batch.jobs.at(-1)?.key);
  expect(last && (await readJob({ jobs: ref.jobs, ...last }, store)).key).toBe(last?.job.key);
});

test('paths in a definition keep their Unicode spelling: a file system may know only one', async () => {
  const [batch, store] = [await aBatch(), memoryStore()];
  const definition = { ...batch.definition, baseDir: '/cafe\u0301' };
  expect((await readDefinition(await storeManifest({ ...batch, definition }, store), store)).baseDir).toBe(
    '/cafe\u0301',
  );
});

test('a definition is read once per store, and not from the memory of another store', async () => {
  const [batch, store] = [await aBatch(), memoryStore()];
  const ref = await storeManifest(batch, store);
  await readDefinition(ref, store);
  await readDefinition(ref, store);
  expect(store.reads).toBe(1);
  await expect(readDefinition(ref, memoryStore())).rejects.toMatchObject({ errorClass: 'lost' });
});

test('a job that does not match its key, its fingerprint or its place is lost, not run', async () => {
  const [batch, store] = [await aBatch(), memoryStore()];
  const ref = await storeManifest(batch, store);
  const text = store.objects.get(ref.jobs)?.toString() ?? '';
  const [first] = await all(readTickets(ref, store));
  const { offset = 0, length = 0 } = first ?? {};
  const damaged: [string, number][] = [
    [text.replace('"blog"', '"glob"'), offset], // identity against key
    [text.replace('\u65e5', '\u6708'), offset], // input against fingerprint
    [text, offset + 1],
    [text, 10_000],
  ];
  for (const [content, at] of damaged) {
    store.objects.set(ref.jobs, Buffer.from(content));
    await expect(readJob({ jobs: ref.jobs, offset: at, length }, store)).rejects.toMatchObject({
      errorClass: 'lost',
    });
  }
});

test('a list that was cut, or changed anywhere, is lost at its end at the latest', async () => {
  const [batch, store] = [await aBatch(), memoryStore()];
  const ref = await storeManifest(batch, store);
  const bytes = store.objects.get(ref.jobs) ?? Buffer.alloc(0);
  const revised = Buffer.from(bytes.toString().replace('"revision":1', '"revision":2'));
  for (const damaged of [bytes.subarray(0, -1), bytes.subarray(0, 200), Buffer.alloc(0), revised]) {
    store.objects.set(ref.jobs, damaged);
    await expect(all(readTickets(ref, store))).rejects.toMatchObject({ errorClass: 'lost' });
  }
});

test('a definition that another release stored is a matter of configuration', async () => {
  const store = memoryStore();
  const { sha256 } = await store.put(Buffer.from('{"name":"night","unknown":1}'));
  await expect(readDefinition({ definition: sha256 }, store)).rejects.toMatchObject({ errorClass: 'config' });
});
