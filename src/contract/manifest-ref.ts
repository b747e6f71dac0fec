import { z } from 'zod';
import { sha256Schema } from './job.js';

/** A stored batch: definition and jobs by content hash. */
export const manifestRefSchema = z.strictObject({
  definition: sha256Schema,
  jobs: sha256Schema,
  count: z.int().nonnegative(),
  /** Hash of the stored permit: this run does what a plan showed, and nothing else. */
  permit: sha256Schema.optional(),
});
export type ManifestRef = z.infer<typeof manifestRefSchema>;

/** As the ledger keeps it with the batch. */
export const readManifestRef = (text: string): ManifestRef => manifestRefSchema.parse(JSON.parse(text));
