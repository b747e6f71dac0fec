import type { ArtifactStore } from '../contract/artifact.js';
import type { Definition } from '../contract/batch-file.js';
import type { Ledger } from '../ledger/ledger.js';
import { readDefinition } from './manifest.js';

/**
 * The budget of a batch: that of its newest start from a file, also where that start has joined a run of other contents.
 * Whoever raises a budget means the jobs that wait now.
 * @param started what the run under way was started from
 * @throws AdapterError as `readDefinition`
 */
export async function budgetInForce(
  batchId: string,
  started: Pick<Definition, 'budget'>,
  { ledger, artifacts }: { readonly ledger: Pick<Ledger, 'batch'>; readonly artifacts: ArtifactStore },
): Promise<Definition['budget']> {
  const asked = (await ledger.batch(batchId))?.askedDefinition;
  if (asked === undefined) return started.budget;
  return (await readDefinition({ definition: asked }, artifacts)).budget;
}
