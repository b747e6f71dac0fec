import type { ArtifactStore } from '../contract/artifact.js';
import type { Definition } from '../contract/batch-file.js';
import type { Effect, Job } from '../contract/job.js';
import type { ManifestRef } from '../contract/manifest-ref.js';
import type { KnownJob, Ledger } from '../ledger/ledger.js';
import { judge, type Judgement } from '../policy/verdict.js';
import { effectsOf } from './effects.js';
import { readDefinition, readTickets, type StoredJob } from './manifest.js';

/** Jobs asked of the ledger in one query. */
const CHUNK = 1000;

export type Judged<Listed> = Listed &
  Judgement & { readonly known: KnownJob | undefined; readonly effects: readonly Effect[] };

/**
 * Every job of a list, in order, with what a start would have to do about it, as far as the ledger knows. Reads only.
 * @param list jobs with whatever else is known of their place; it is handed on
 */
export async function* judgeJobs<Listed extends { readonly job: Job }>(
  definition: Definition,
  list: Iterable<Listed> | AsyncIterable<Listed>,
  ledger: Pick<Ledger, 'jobs'>,
): AsyncGenerator<Judged<Listed>> {
  for await (const chunk of chunksOf(list, CHUNK)) {
    const known = await ledger.jobs(
      definition.work,
      chunk.map(({ job }) => job.key),
    );
    for (const listed of chunk) {
      const { job } = listed;
      const effects = effectsOf(definition, job);
      const effectKeys = effects.map(({ key }) => key);
      const knownJob = known.get(job.key);
      const judgement = judge({ fingerprint: job.fingerprint, revision: job.revision, effectKeys }, knownJob);
      yield { ...listed, ...judgement, known: knownJob, effects };
    }
  }
}

/** The same of a stored manifest. */
export async function* judgeManifest(
  manifest: ManifestRef,
  ledger: Pick<Ledger, 'jobs'>,
  artifacts: ArtifactStore,
): AsyncGenerator<Judged<StoredJob>> {
  const definition = await readDefinition(manifest, artifacts);
  yield* judgeJobs(definition, readTickets(manifest, artifacts), ledger);
}

async function* chunksOf<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
