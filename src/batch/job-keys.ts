import type { ArtifactStore } from '../contract/artifact.js';

/** Keeps a list of job keys, a line each. @returns its hash */
export async function storeKeys(keys: readonly string[], artifacts: ArtifactStore): Promise<string> {
  return (await artifacts.put(Buffer.from(keys.join('\n')), 'text/plain')).sha256;
}

/** @throws AdapterError `lost` */
export async function readKeys(sha256: string, artifacts: ArtifactStore): Promise<readonly string[]> {
  return new TextDecoder().decode(await artifacts.read(sha256)).split('\n');
}
