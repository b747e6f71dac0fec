import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { AdapterError, isOurs } from '../contract/errors.js';
import type { Job } from '../contract/job.js';
import type { Definition } from '../contract/batch-file.js';
import type { AgentEnd, AgentRequest, JobRef } from '../contract/messages.js';
import { DEFAULT_RETRY, HELD_OUTWARD, retryPolicy } from '../policy/retry.js';
import { adoptFromDestinations, askDestinations } from './adopt.js';
import { activityWriter, claimFor, contextOf, gateOf, readRef, type Deps } from './deps.js';
import { ready, toApplicationFailure } from './failure.js';
import { goOnFrom, keepAlive } from './heartbeat.js';
import { agentLane, lookInLane, passingIn } from './lanes/lane-of.js';
import { providerFor } from './providers/provider-for.js';
import type { SessionHandle } from './providers/provider.js';
import { readIfWhole } from './read-artifact.js';
import { checkStored } from './session/check-stored.js';
import { withoutGivenUp } from './session/given-up.js';
import { closedDestination, frozen, paused, refusal, stillWaits, type Asking } from './session/admit.js';
import { runSession } from './session/run-session.js';
import { sessionScope, type Claimed, type SessionScope } from './session/scope.js';
import { settleTrouble } from './settle-trouble.js';
import { silentJob } from './silent-job.js';
import { stopJob } from './stop-job.js';

/**
 * Gets the artifact of one job: the stored one, or that of the session under way, or that of a new session.
 *
 *  RA1. The intent is committed before the provider is asked to start, the session's id before the first heartbeat;
 *       so whoever comes next attaches instead of paying again.
 *  RA2. Before a session is paid for, the destinations are asked: the ledger may be younger, or older, than the work.
 *  RA3. Whatever a session cost is booked when it ends, waste included, and whether or not a check can look at what it made.
 *  RA4. A worker that stops leaves its sessions alone; only a cancelled job ends them.
 *  RA5. An agent that acts on the outside world has one session, until a person asks for another.
 *  RA6. A session is watched, collected and ended by the agent and the account that it was begun with, and no other.
 *
 * @throws ApplicationFailure whose type is an error class, with the delay after which Temporal tries again
 */
export const runAgent =
  (deps: Deps) =>
  async (request: AgentRequest): Promise<AgentEnd> => {
    let handle: SessionHandle | undefined;
    let fence: number | undefined;
    let retry = DEFAULT_RETRY; // until the batch's own is read
    const stopHeartbeat = keepAlive(() => handle);
    const { tried, ...ref } = request;
    try {
      goOnFrom(tried); // unless what failed then has passed since
      const silent = await silentJob(ref, deps);
      if (silent !== undefined) return silent;
      const { definition, job } = await readRef(ref, deps);
      retry = retryPolicy(definition.retry);
      const took = (given: number) => (fence = given);
      return await agentStep({ deps, ref, definition, job, retry, took, beat: (next) => (handle = next) });
    } catch (error) {
      if (error instanceof AdapterError) return await settleTrouble(error, retry, { ...ref, fence }, deps);
      throw toApplicationFailure(error, retry);
    } finally {
      stopHeartbeat();
    }
  };

interface Step extends Asking {
  readonly beat: (handle: SessionHandle) => void;
  /** Told the fence of the claim. */
  readonly took: (fence: number) => void;
}

async function agentStep(given: Omit<Step, 'lane' | 'makeProvider'>): Promise<AgentEnd> {
  const { deps, ref, definition } = given;
  await deps.reached('A0', ref.key);
  if (await frozen(gateOf(ref, definition, true), deps.ledger)) return { kind: 'paused' };
  const lane = agentLane(definition, ref, deps);
  const makeProvider = () =>
    providerFor(
      definition,
      deps,
      passingIn(lane, (kind) => lane.turn(cancellationSignal(), { fresh: kind === 'paid' })),
    );
  const waiting = await stillWaits({ ...given, lane, makeProvider });
  if (waiting !== undefined) return withSpent(waiting, deps, ref);
  if (ref.looks) return ready();
  let opening = false;
  try {
    const before = await beforeSession({ ...given, lane, makeProvider });
    if ('end' in before) return await withSpent(before.end, deps, ref);
    opening = true;
    return await withSpent(await runSession(before.scope), deps, ref);
  } finally {
    if (!opening) await lane.leave();
  }
}

/** Takes the job, and finds out whether it needs a session, and may have one. */
async function beforeSession(
  given: Step,
): Promise<{ readonly end: AgentEnd } | { readonly scope: SessionScope }> {
  const { deps, ref, definition, job, lane, makeProvider } = given;
  const claimed = await claimFor(ref, definition, job, deps);
  await deps.reached('A1', ref.key);
  switch (claimed.kind) {
    case 'finished':
      return { end: { kind: 'adopted' } };
    case 'parked':
    case 'held':
      return { end: claimed };
    case 'conflict': {
      const message = `the ledger has revision ${claimed.revision} with fingerprint ${claimed.fingerprint}, this batch has revision ${job.revision} with fingerprint ${job.fingerprint}`;
      return { end: { kind: 'held', errorClass: 'conflict', message } };
    }
    case 'claimed':
      given.took(claimed.fence);
      break;
  }
  const mine = { ...given, ref: { ...ref, fence: claimed.fence } };
  const claim = await withoutGivenUp(claimed, given, makeProvider, cancellationSignal());
  const made = await storedArtifact(deps, ref, job, claim);
  if (made !== undefined) return { end: made };
  const checked = await checkStored(mine, claim, cancellationSignal());
  if (checked !== undefined) return { end: checked };
  const gate = gateOf(ref, definition, claim.openSession !== undefined || claim.failures.length > 0);
  if (claim.openSession === undefined) {
    const frozenNow = await paused(gate, deps.ledger);
    if (frozenNow !== undefined) return { end: frozenNow };
    const closed = await closedDestination(mine);
    if (closed !== undefined) return { end: closed };
    const adopted = await askedFirst(mine, () => adopt(deps, ref, definition, job, claim));
    if (adopted !== undefined) return { end: adopted };
    const held = await secondOutward(mine, claim);
    if (held !== undefined) return { end: held };
  }
  const provider = await makeProvider();
  if (claim.openSession !== undefined) await lane.attach();
  else {
    const refused = await refusal(mine);
    if (refused !== undefined) return { end: refused };
  }
  return { scope: sessionScope({ ...given, claim, gate, provider }) };
}

/** What it has cost is told along, for those who watch the Workflow. */
async function withSpent(end: AgentEnd, { ledger }: Deps, { work, key }: JobRef): Promise<AgentEnd> {
  if (!('sha256' in end || 'errorClass' in end)) return end;
  const { micros, unknown } = await ledger.spendOfJob({ work, jobKey: key });
  return { ...end, spentMicros: micros, ...(unknown > 0 && { costUnknown: unknown }) };
}

/**
 * RA5: whatever became of the first session (it was cancelled, its artifact is lost, it ran before the batch file said
 * so), an agent that acts on the outside world has no second one that no person has asked for.
 */
async function secondOutward(
  { definition, ref, deps }: Step,
  { ranBefore }: Claimed,
): Promise<AgentEnd | undefined> {
  if (!definition.agent.outward || !ranBefore) return undefined;
  const end = {
    errorClass: 'unknown',
    message: `a session of this job ran before: ${HELD_OUTWARD}`,
  } as const;
  await stopJob(ref, { state: 'held', ...end }, deps);
  return { kind: 'held', ...end };
}

/** What an earlier session made. */
async function storedArtifact(
  { ledger, artifacts }: Deps,
  { work }: JobRef,
  job: Job,
  { artifact, fence }: Claimed,
): Promise<AgentEnd | undefined> {
  if (artifact === undefined) return undefined;
  const { sha256 } = artifact;
  if ((await readIfWhole(artifacts, sha256)) !== undefined) return { kind: 'made', sha256 };
  // Its session has to be paid for again, and that is said: the one that was paid for is waste now.
  const message = `the stored artifact ${sha256.slice(0, 12)} is gone or damaged`;
  await ledger.loseArtifact({ work, jobKey: job.key }, message, fence);
  return undefined;
}

/** What goes wrong at a destination that is asked before a session says nothing of jobs that have another one. */
async function askedFirst(
  { retry, ref, deps }: Step,
  ask: () => Promise<AgentEnd | undefined>,
): Promise<AgentEnd | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof AdapterError) || isOurs(error)) throw error;
    const end = await settleTrouble(error, retry, ref, deps);
    if (end.kind === 'wait') return { ...end, away: 'site' };
    return end.kind === 'gated' ? { ...end, ofDestination: true } : end;
  }
}

/** RA2 */
async function adopt(
  deps: Deps,
  ref: JobRef,
  definition: Definition,
  job: Job,
  claim: Claimed,
): Promise<AgentEnd | undefined> {
  const context = contextOf(deps);
  const asking = { definition, job, context };
  const ranUnseen = async (someAreThere: boolean) => claim.fresh && (someAreThere || (await ranBefore(deps)));
  const receipts = claim.fresh ? [] : await deps.ledger.receipts({ work: ref.work, jobKey: job.key });
  const via = lookInLane(definition, ref, context, deps);
  const answers = await askDestinations(asking, deps, receipts, via);
  return adoptFromDestinations(answers, asking, deps.ledger, activityWriter(ref.batchId, deps), ranUnseen);
}

/** Whether the engine knows of another run of this job: then a ledger that has never heard of it is not the first. */
async function ranBefore({ client }: Deps): Promise<boolean> {
  const { workflowExecution } = activityInfo();
  if (!workflowExecution) return false;
  const runs = client.workflow.list({ query: `WorkflowId = '${workflowExecution.workflowId}'` });
  for await (const { runId, status } of runs) {
    // A job that waits for long goes on as a new run, of which the ledger knows what the last one did.
    if (runId !== workflowExecution.runId && status.name !== 'CONTINUED_AS_NEW') return true;
  }
  return false;
}
