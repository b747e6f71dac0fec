import type { AgentEnd, AgentRequest } from '../../contract/messages.js';
import type { RetryPolicy } from '../../policy/retry.js';
import type { Deps } from '../deps.js';
import type { SessionHandle } from '../providers/provider.js';
import { readIfWhole } from '../read-artifact.js';
import { checkArtifact, type Checking } from './check.js';
import { failBooked } from './end.js';
import type { Claimed } from './scope.js';
import { sessionName } from './session-name.js';

/** A step that has taken its job. */
interface Step extends Checking {
  readonly deps: Deps;
  readonly ref: AgentRequest;
  readonly retry: RetryPolicy;
}

/**
 * Checks what an earlier session has made while a check could not run. That session is over, and was paid for: nothing is
 * asked of its service, and nothing is booked anew.
 * @returns undefined where there is nothing of the kind, or it is stored no more
 * @throws AdapterError where a check still can't run; ApplicationFailure when another session is to follow soon
 */
export async function checkStored(
  step: Step,
  claim: Claimed,
  signal: AbortSignal,
): Promise<AgentEnd | undefined> {
  const { unchecked, fence } = claim;
  if (unchecked === undefined) return undefined;
  const { deps, ref, job } = step;
  const { session, artifact, usage } = unchecked;
  const bytes = await readIfWhole(deps.artifacts, artifact.sha256);
  if (bytes === undefined) {
    const message = `the stored artifact ${artifact.sha256.slice(0, 12)} is gone or damaged`;
    await deps.ledger.loseArtifact({ work: ref.work, jobKey: job.key }, message, fence);
    return undefined;
  }
  const failed = await checkArtifact(step, { bytes, artifact, usage }, signal);
  const handle = session.handle as SessionHandle | undefined;
  if (failed !== undefined) return failBooked({ ...step, claim, session }, handle, failed);
  await deps.ledger.acceptArtifact(session, fence);
  return { kind: 'made', sha256: artifact.sha256, ...sessionName(handle) };
}
