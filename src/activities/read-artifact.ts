import type { ArtifactStore } from '../contract/artifact.js';
import { AdapterError } from '../contract/errors.js';

/** A stored artifact; undefined when it is gone or damaged. */
export async function readIfWhole(artifacts: ArtifactStore, sha256: string): Promise<Uint8Array | undefined> {
  try {
    return await artifacts.read(sha256);
  } catch (error) {
    if (error instanceof AdapterError && error.errorClass === 'lost') return undefined;
    throw error;
  }
}
