import { z } from 'zod';
import { sha256Schema } from './job.js';

/** What a session produced, by reference: the bytes lie in the artifact store under their hash. */
export const artifactRefSchema = z.strictObject({
  sha256: sha256Schema,
  bytes: z.int().nonnegative(),
  mime: z.string().optional(),
});
export type ArtifactRef = z.infer<typeof artifactRefSchema>;

/** Content-addressed store. Writing the same bytes twice is one object. */
export interface ArtifactStore {
  /** Durable when the promise resolves. */
  put(content: Uint8Array | AsyncIterable<Uint8Array>, mime?: string): Promise<ArtifactRef>;
  /** Verified against the hash; @throws AdapterError `lost` when absent or damaged. */
  read(sha256: string): Promise<Uint8Array>;
  /** A part of a large artifact, not verified as a whole: the caller checks what it reads. */
  readRange(sha256: string, offset: number, length: number): Promise<Uint8Array>;
  has(sha256: string): Promise<boolean>;
}
