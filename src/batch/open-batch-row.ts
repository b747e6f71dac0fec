import { currencyOf, type Definition } from '../contract/batch-file.js';
import type { ManifestRef } from '../contract/manifest-ref.js';
import type { OpenBatch } from '../ledger/ledger.js';
import { batchFileOf } from './read-batch.js';

/** What the ledger is told of a run that opens: by whoever starts it, and by its own first step, which may come first. */
export const openBatchRow = (
  run: Pick<OpenBatch, 'id' | 'name' | 'key' | 'runId' | 'by'>,
  definition: Definition,
  manifest: ManifestRef,
): OpenBatch => ({
  ...run,
  work: definition.work,
  manifest: JSON.stringify(manifest),
  jobs: manifest.count,
  currency: currencyOf(definition),
  file: batchFileOf(definition),
});
