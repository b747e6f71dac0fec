import type { ProviderContext, SessionHandle } from '../provider.js';
import type { GeminiApi } from './api.js';
import { CLAIM_FOLDER } from './places.js';

const CLAIM = /(?:^|\/)([0-9a-f]{32})-([1-9]\d*)$/;

/**
 * Sandboxes that carry a claim. Runs can't be listed: a run is known by the sandbox that was made for it, and ended by
 * taking that away. One request for each sandbox of the project, so this is for people who look, not for every night.
 */
export async function* sweepEnvironments(
  since: Date,
  { name, api }: { name: string; api: GeminiApi },
  { signal }: ProviderContext,
): AsyncIterable<SessionHandle> {
  for await (const { id, created } of api.environments(signal)) {
    if (created !== undefined && Date.parse(created) < since.getTime()) continue;
    for await (const { path = '' } of api.files(id, CLAIM_FOLDER, signal)) {
      const [, runKey, attempt] = CLAIM.exec(path) ?? [];
      if (runKey === undefined) continue;
      yield { v: 1, provider: name, runKey, attempt: Number(attempt), ids: { environment: id } };
    }
  }
}
