import { readDefinition } from '../batch/manifest.js';
import type { PauseLevel } from '../contract/holds.js';
import type { ManifestRef } from '../contract/manifest-ref.js';
import type { Deps } from './deps.js';

/** How strictly a batch stands still for a pause that is not its own: of its work, its provider, or everything. */
export const askHolds =
  ({ ledger, artifacts }: Deps) =>
  async (work: string, manifest: ManifestRef): Promise<PauseLevel | undefined> => {
    const { agent } = await readDefinition(manifest, artifacts);
    return (await ledger.holdOf({ batchId: undefined, work, provider: agent.use }))?.level;
  };
