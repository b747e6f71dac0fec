import type { ArtifactStore } from '../contract/artifact.js';
import type { ManifestRef } from '../contract/messages.js';
import type { KnownJob, Ledger } from '../ledger/ledger.js';
import { judge, type Judgement } from '../policy/verdict.js';
import { effectsOf } from './effects.js';
import { readDefinition, readTickets, type StoredJob } from './manifest.js';

/** Jobs asked of the ledger in one query. */
const CHUNK = 1000;

export type JudgedJob = StoredJob &
  Judgement & { readonly known: KnownJob | undefined; readonly effectKeys: readonly string[] };

/** Every job of a stored manifest, in order, with what a start would have to do about it. */
export async function* judgeManifest(
  manifest: ManifestRef,
  ledger: Pick<Ledger, 'jobs'>,
  artifacts: ArtifactStore,
): AsyncGenerator<JudgedJob> {
  const definition = await readDefinition(manifest, artifacts);
  for await (const chunk of chunksOf(readTickets(manifest, artifacts), CHUNK)) {
    const known = await ledger.jobs(
      definition.work,
      chunk.map(({ job }) => job.key),
    );
    for (const stored of chunk) {
      const { job } = stored;
      const effectKeys = effectsOf(definition, job).map(({ key }) => key);
      const knownJob = known.get(job.key);
      const judgement = judge({ fingerprint: job.fingerprint, revision: job.revision, effectKeys }, knownJob);
      yield { ...stored, ...judgement, known: knownJob, effectKeys };
    }
  }
}

async function* chunksOf<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
