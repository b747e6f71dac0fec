import type { ArtifactRef } from '../../contract/artifact.js';
import { AdapterError } from '../../contract/errors.js';
import type { SessionEnd } from '../../ledger/ledger.js';
import { failedChecks } from '../../policy/checks.js';
import type { SessionHandle } from '../providers/provider.js';
import { ask, type SessionScope } from './scope.js';

/** Stores what the session made, and checks it. What fails its checks is kept for people, and never goes out. */
export async function collectSession(scope: SessionScope, handle: SessionHandle): Promise<SessionEnd> {
  const { provider, definition, context, reached } = scope;
  const { artifacts } = scope.deps;
  const usageOf = () => ask(scope, 'usage', () => provider.usage(handle, context));
  let artifact: ArtifactRef;
  try {
    artifact = await ask(scope, 'collect', async () => {
      const output = await provider.collect(handle, context);
      await reached('A8');
      return artifacts.put(output.content, output.mime);
    });
  } catch (error) {
    if (!(error instanceof AdapterError) || error.errorClass !== 'rejected') throw error;
    const { errorClass, message } = error;
    return { state: 'failed', errorClass, message, usage: await usageOf() };
  }
  const usage = await usageOf();
  await reached('A9');
  const bytes = await artifacts.read(artifact.sha256);
  const problems = failedChecks(asText(bytes), bytes.length, definition.checks);
  if (problems.length === 0) return { state: 'collected', artifact, usage };
  return {
    state: 'failed',
    errorClass: 'rejected',
    message: `checks failed: ${problems.join('; ')}`,
    usage,
    artifact,
  };
}

/** The text of bytes that are UTF-8; undefined for all others. */
function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // not text is an answer here, not a failure
  }
}
