import { log } from '@temporalio/activity';
import { agentAccount } from '../lanes/lane-key.js';
import { areDraftsOfOne } from '../../batch/rehearsal-batch.js';
import { secretNames } from '../../batch/secrets.js';
import { runChecks, type Earlier } from '../../checks/index.js';
import type { ArtifactRef } from '../../contract/artifact.js';
import type { Definition } from '../../contract/batch-file.js';
import { jobTitle, type Job } from '../../contract/job.js';
import type { Json } from '../../contract/json.js';
import type { JobRef } from '../../contract/messages.js';
import type { FailedSession, Usage } from '../../ledger/ledger.js';
import type { Deps } from '../deps.js';
import { readIfWhole } from '../read-artifact.js';
import { naming } from './scope.js';

/** Whose artifact is checked, and by which definition. */
export interface Checking {
  readonly deps: Pick<Deps, 'ledger' | 'artifacts' | 'env'>;
  readonly ref: Pick<JobRef, 'work'>;
  readonly definition: Definition;
  readonly job: Job;
}

/**
 * Whether what a session has made passes the checks of its batch.
 * @returns how the session failed; undefined where it did not
 * @throws AdapterError where a check could not run, which says nothing of the artifact
 */
export async function checkArtifact(
  checking: Checking,
  made: { readonly bytes: Uint8Array; readonly artifact: ArtifactRef; readonly usage: Usage },
  signal: AbortSignal,
): Promise<FailedSession | undefined> {
  const { definition, job, deps } = checking;
  const { bytes, artifact, usage } = made;
  const { problems, notes } = await naming('what the session made could not be checked', () =>
    runChecks({
      bytes,
      mime: artifact.mime,
      job,
      checks: definition.checks,
      baseDir: definition.baseDir,
      context: {
        signal,
        env: deps.env,
        earlier: earlierOf(checking),
        secrets: secretNames(mentioned(definition)),
      },
    }),
  );
  if (notes.length > 0) log.info('checks could not tell', { notes });
  if (problems.length === 0) return undefined;
  const message = `checks failed: ${problems.join('; ')}`;
  return { state: 'failed', errorClass: 'rejected', message, usage, artifact };
}

/** All of a batch file that may refer to secrets; a key that it leaves to the provider included. */
const mentioned = ({ agent, checks, effects }: Definition): Json => [
  agentAccount(agent).options,
  ...checks.map((check) => ('use' in check ? check.with : {})),
  ...effects.map((effect) => effect.with ?? {}),
];

/** What other jobs of the same work have made, newest first. */
const earlierOf = ({ deps, ref, job }: Checking): Earlier =>
  async function* (limit) {
    const rows = await deps.ledger.earlierArtifacts({ work: ref.work, jobKey: job.key }, limit);
    for (const { identity, artifact } of rows) {
      if (areDraftsOfOne(identity, job.identity)) continue;
      const bytes = await readIfWhole(deps.artifacts, artifact.sha256);
      if (bytes) yield { label: jobTitle(identity), text: new TextDecoder().decode(bytes) };
    }
  };
