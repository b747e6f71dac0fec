import { log } from '@temporalio/activity';
import { agentAccount } from '../lanes/lane-key.js';
import { areDraftsOfOne } from '../../batch/rehearsal-batch.js';
import { secretNames } from '../../batch/secrets.js';
import { runChecks, type Earlier } from '../../checks/index.js';
import type { Definition } from '../../contract/batch-file.js';
import type { Json } from '../../contract/json.js';
import type { ArtifactRef } from '../../contract/artifact.js';
import { AdapterError } from '../../contract/errors.js';
import { jobTitle } from '../../contract/job.js';
import type { CancelledSession, SessionEnd } from '../../ledger/ledger.js';
import { readIfWhole } from '../read-artifact.js';
import type { SessionHandle } from '../providers/provider.js';
import { ask, naming, struck, type SessionScope } from './scope.js';

/**
 * Stores what the session made, and checks it. What fails its checks is kept for people, and never goes out.
 * @throws AdapterError when it could not be read or checked, which says nothing of it: the session stays open, and is
 *   collected again
 */
export async function collectSession(
  scope: SessionScope,
  handle: SessionHandle,
): Promise<Exclude<SessionEnd, CancelledSession>> {
  const { provider, definition, context, reached } = scope;
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
    return { state: 'failed', errorClass, message, usage: await usageOf() };
  }
  const usage = await usageOf();
  await reached('A9');
  const bytes = await artifacts.read(artifact.sha256);
  const { problems, notes } = await naming('what the session made could not be checked', () =>
    runChecks({
      bytes,
      mime: artifact.mime,
      job: scope.job,
      checks: definition.checks,
      baseDir: definition.baseDir,
      context: {
        signal: context.signal,
        env: scope.deps.env,
        earlier: earlierOf(scope),
        secrets: secretNames(mentioned(definition)),
      },
    }),
  );
  if (notes.length > 0) log.info('checks could not tell', { notes });
  if (problems.length === 0) return { state: 'collected', artifact, usage };
  return {
    state: 'failed',
    errorClass: 'rejected',
    message: `checks failed: ${problems.join('; ')}`,
    usage,
    artifact,
  };
}

/** All of a batch file that may refer to secrets; a key that it leaves to the provider included. */
const mentioned = ({ agent, effects }: Definition): Json => [
  agentAccount(agent).options,
  ...effects.map((effect) => effect.with ?? {}),
];

/** What other jobs of the same work have made, newest first. */
const earlierOf = ({ deps, ref, job }: SessionScope): Earlier =>
  async function* (limit) {
    const rows = await deps.ledger.earlierArtifacts({ work: ref.work, jobKey: job.key }, limit);
    for (const { identity, artifact } of rows) {
      if (areDraftsOfOne(identity, job.identity)) continue;
      const bytes = await readIfWhole(deps.artifacts, artifact.sha256);
      if (bytes) yield { label: jobTitle(identity), text: new TextDecoder().decode(bytes) };
    }
  };
