/**
 * A batch in the artifact store: its definition, and its jobs as JSON Lines in the order of their source. Workers
 * read one job by its place, planning reads them all in a stream; neither holds the whole list.
 *  M1. Stored by content: an edit of the operator's files does not reach a batch that runs.
 *  M2. What is read back is what was stored, or an AdapterError `lost`.
 */
import { createHash } from 'node:crypto';
import type { ArtifactStore } from '../contract/artifact.js';
import { definitionSchema, type Definition } from '../contract/batch-file.js';
import { AdapterError } from '../contract/errors.js';
import { jobSchema, type Job } from '../contract/job.js';
import { readManifestRef, type ManifestRef } from '../contract/manifest-ref.js';
import { canonicalJson } from '../identity/canonical-json.js';
import { fingerprint } from '../identity/fingerprint.js';
import { storedJobKey } from '../identity/keys.js';
import { Lru } from './lru.js';
import { storePermit } from './permit.js';
import type { Batch } from './read-batch.js';

/** Read and written at once: large enough to be fast, small beside a worker's memory. */
const CHUNK_BYTES = 1024 * 1024;
const DEFINITIONS_KEPT = 32;

/** Where a job stands in the stored list, in bytes, without its line end. */
export interface JobPlace {
  /** SHA-256 of the list. */
  readonly jobs: string;
  readonly offset: number;
  readonly length: number;
}

/** A job of the list and where it stands. */
export interface StoredJob {
  readonly job: Job;
  readonly offset: number;
  readonly length: number;
}

/** Stores a definition by itself: messages find their channels there, also those of a batch that never ran. */
export const storedDefinition = async (definition: Definition, store: ArtifactStore): Promise<string> =>
  (await store.put(Buffer.from(canonicalJson(definition)), 'application/json')).sha256;

/** Stores a batch. The same batch stored twice is one object, and has one reference. */
export async function storeManifest(
  batch: Pick<Batch, 'definition' | 'jobs' | 'permit'>,
  store: ArtifactStore,
): Promise<ManifestRef> {
  const definition = await storedDefinition(batch.definition, store);
  const jobs = await store.put(linesOf(batch.jobs), 'application/jsonl');
  const permit = batch.permit && (await storePermit(batch.permit, store));
  return {
    definition,
    jobs: jobs.sha256,
    count: batch.jobs.length,
    ...(permit !== undefined && { permit }),
  };
}

async function* linesOf(jobs: Iterable<Job>): AsyncGenerator<Uint8Array> {
  let lines: string[] = [];
  let size = 0;
  for (const { key, identity, input, revision, fingerprint } of jobs) {
    const line = `${JSON.stringify({ key, identity, input, revision, fingerprint } satisfies Job)}\n`;
    lines.push(line);
    size += line.length;
    if (size < CHUNK_BYTES) continue;
    yield Buffer.from(lines.join(''));
    lines = [];
    size = 0;
  }
  if (lines.length > 0) yield Buffer.from(lines.join(''));
}

// Per store, so that a definition that one store has lost is not read from another's memory.
const definitions = new WeakMap<ArtifactStore, Lru<Definition>>();

/** The same for a view of a batch, which goes on without it. @returns undefined where it can't be read */
export async function definitionToShow(
  { manifest }: { readonly manifest: string },
  store: ArtifactStore,
): Promise<Definition | undefined> {
  try {
    return await readDefinition(readManifestRef(manifest), store);
  } catch (error) {
    if (error instanceof AdapterError) return undefined; // all else that a view shows is in the ledger
    throw error;
  }
}

/**
 * The definition of a stored batch; kept in memory, since every Activity of a batch asks for it.
 * @throws AdapterError `lost` when it is gone, `config` when another release stored it in a form that is unknown here
 */
export async function readDefinition(
  { definition: sha256 }: Pick<ManifestRef, 'definition'>,
  store: ArtifactStore,
): Promise<Definition> {
  const kept = definitions.get(store) ?? new Lru<Definition>(DEFINITIONS_KEPT);
  definitions.set(store, kept);
  const known = kept.get(sha256);
  if (known) return known;

  const parsed = definitionSchema.safeParse(parseJson(await store.read(sha256)));
  if (!parsed.success) {
    throw new AdapterError(
      'config',
      `definition ${sha256} was stored by another release; start the batch again`,
      {},
      {
        cause: parsed.error,
      },
    );
  }
  kept.set(sha256, parsed.data);
  return parsed.data;
}

/**
 * One job by its place.
 * @throws AdapterError `lost` when what stands there is no job, or not the job that its key and fingerprint say (M2)
 */
export async function readJob({ jobs, offset, length }: JobPlace, store: ArtifactStore): Promise<Job> {
  const parsed = jobSchema.safeParse(parseJson(await store.readRange(jobs, offset, length)));
  if (!parsed.success) throw lost(jobs, `no job stands at byte ${offset}`, parsed.error);
  const job = parsed.data;
  if (storedJobKey(job.identity) !== job.key || fingerprint(job) !== job.fingerprint) {
    throw lost(jobs, `the job at byte ${offset} does not match its key and fingerprint`);
  }
  return job;
}

/**
 * All jobs of a stored batch in their order, with their places. The list's hash is compared at its end (M2), so
 * nothing may be acted on before the last one was given out.
 * @throws AdapterError `lost`
 */
export async function* readTickets(
  { jobs, count }: Pick<ManifestRef, 'jobs' | 'count'>,
  store: ArtifactStore,
): AsyncGenerator<StoredJob> {
  const hash = createHash('sha256');
  let left = count;
  for await (const { bytes, offset } of linesIn(jobs, count, store)) {
    hash.update(bytes).update('\n');
    left -= 1;
    // Parsed, not checked again: the hash over all of it says more than a schema could.
    const job = parseJson(bytes) as Job | undefined;
    if (!job) throw lost(jobs, `no job stands at byte ${offset}`);
    yield { job, offset, length: bytes.length };
  }
  if (left !== 0 || hash.digest('hex') !== jobs) throw lost(jobs, 'the list of jobs is damaged');
}

async function* linesIn(
  sha256: string,
  count: number,
  store: ArtifactStore,
): AsyncGenerator<{ bytes: Buffer; offset: number }> {
  let rest = Buffer.alloc(0);
  let offset = 0; // of `rest` in the list
  for (let left = count; left > 0;) {
    const chunk = await store.readRange(sha256, offset + rest.length, CHUNK_BYTES);
    if (chunk.length === 0) return;
    rest = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = rest.indexOf(0x0a); end >= 0 && left > 0; end = rest.indexOf(0x0a, from)) {
      yield { bytes: rest.subarray(from, end), offset: offset + from };
      from = end + 1;
      left -= 1;
    }
    offset += from;
    rest = rest.subarray(from);
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    return undefined; // the caller's check says what should have been there
  }
}

const lost = (sha256: string, what: string, cause?: unknown): AdapterError =>
  new AdapterError(
    'lost',
    `${what} [artifact=${sha256}]; start the batch again from its file`,
    {},
    { cause },
  );
