import { readDefinition, readTickets } from '../batch/manifest.js';
import type { Definition } from '../contract/batch-file.js';
import type { Job } from '../contract/job.js';
import { readManifestRef } from '../contract/manifest-ref.js';
import { jobSubject } from '../ledger/job-state.js';
import type { BatchRow } from '../ledger/ledger.js';
import type { Connections } from './connections.js';

/** A job as the newest batch that names it describes it. */
export interface DescribedJob {
  readonly definition: Definition;
  readonly job: Job;
}

/**
 * All jobs of some batches, each once. Batches have to come newest first: what was described last counts.
 * @throws AdapterError `lost` when a stored batch is gone or damaged
 */
export async function* jobsOf(
  batches: readonly Pick<BatchRow, 'manifest'>[],
  { artifacts }: Pick<Connections, 'artifacts'>,
): AsyncGenerator<DescribedJob> {
  const seen = new Set<string>();
  for (const row of batches) {
    const manifest = readManifestRef(row.manifest);
    const definition = await readDefinition(manifest, artifacts);
    for await (const { job } of readTickets(manifest, artifacts)) {
      const id = jobSubject({ work: definition.work, jobKey: job.key });
      if (seen.has(id)) continue;
      seen.add(id);
      yield { definition, job };
    }
  }
}
