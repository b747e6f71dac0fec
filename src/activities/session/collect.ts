import type { ArtifactRef } from '../../contract/artifact.js';
import { AdapterError } from '../../contract/errors.js';
import type { CancelledSession, SessionEnd } from '../../ledger/ledger.js';
import type { SessionHandle } from '../providers/provider.js';
import { checkArtifact } from './check.js';
import { ask, naming, struck, type SessionScope } from './scope.js';

export interface CollectedSession {
  readonly end: Exclude<SessionEnd, CancelledSession>;
  /** Why no check could look at what it made. */
  readonly trouble?: AdapterError;
}

/**
 * Stores what the session made, and checks it. What fails its checks is kept for people, and never goes out. Where a check
 * can't run, the session is over all the same: what it made is stored, and what it used is known.
 * @throws AdapterError when it could not be read, which says nothing of it: the session stays open, and is collected again
 */
export async function collectSession(scope: SessionScope, handle: SessionHandle): Promise<CollectedSession> {
  const { provider, context, reached } = scope;
  const { artifacts } = scope.deps;
  const usageOf = () =>
    naming('what the session has used could not be learnt', () =>
      ask(scope, 'usage', () => provider.usage(handle, context)),
    );
  let artifact: ArtifactRef;
  try {
    artifact = await ask(scope, 'collect', async () => {
      const output = await provider.collect(handle, context);
      await reached('A8');
      return artifacts.put(output.content, output.mime);
    });
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    if (error.errorClass !== 'rejected') throw struck('what the session made could not be collected', error);
    const { errorClass, message } = error;
    return { end: { state: 'failed', errorClass, message, usage: await usageOf() } };
  }
  const usage = await usageOf();
  await reached('A9');
  const bytes = await artifacts.read(artifact.sha256);
  const end = { state: 'collected', artifact, usage } as const;
  try {
    return { end: (await checkArtifact(scope, { bytes, artifact, usage }, context.signal)) ?? end };
  } catch (error) {
    if (!(error instanceof AdapterError) || context.signal.aborted) throw error;
    return { end: { ...end, unchecked: true }, trouble: error };
  }
}
