import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { isDraft } from '../../batch/rehearsal-batch.js';
import { renderTemplate, templateScope } from '../../batch/template.js';
import { durationMs, type Definition } from '../../contract/batch-file.js';
import { AdapterError, isOurs } from '../../contract/errors.js';
import type { Job } from '../../contract/job.js';
import type { AgentRequest } from '../../contract/messages.js';
import { runKey } from '../../identity/keys.js';
import { traceparentOf } from '../../identity/trace-ids.js';
import type { Claim, Gate, SessionId } from '../../ledger/ledger.js';
import type { RetryPolicy } from '../../policy/retry.js';
import type { CrashPoint } from '../crash-points.js';
import type { Deps } from '../deps.js';
import { keptBackBy, reportTrouble } from '../lanes/lane-of.js';
import type { Lane } from '../lanes/lane.js';
import type {
  Provider,
  ProviderContext,
  ProviderVerb,
  SessionHandle,
  SessionRequest,
} from '../providers/provider.js';

export type Claimed = Extract<Claim, { kind: 'claimed' }>;

/** Everything about one paid attempt of one job that its steps share. */
export interface SessionScope {
  readonly deps: Deps;
  readonly ref: AgentRequest;
  readonly definition: Definition;
  readonly job: Job;
  readonly claim: Claimed;
  readonly gate: Gate;
  readonly provider: Provider;
  readonly session: SessionId;
  readonly request: SessionRequest;
  readonly context: ProviderContext;
  /** The handle that was saved last, also by a start that then failed. */
  readonly lastSaved: () => SessionHandle | undefined;
  /** Until when the session may run: one that was never sent off has all its time before it. */
  readonly deadline: () => Date;
  readonly lane: Lane;
  readonly retry: RetryPolicy;
  /** Shows a handle to Temporal, which hands it to the next try; never before it is saved. */
  readonly beat: (handle: SessionHandle) => void;
  readonly reached: (point: CrashPoint) => Promise<void>;
}

/** @param given what the agent step knows once a job is claimed */
export function sessionScope(
  given: Pick<
    SessionScope,
    'deps' | 'ref' | 'definition' | 'job' | 'claim' | 'gate' | 'provider' | 'lane' | 'retry' | 'beat'
  >,
): SessionScope {
  const { deps, ref, definition, job, claim, gate, beat } = given;
  const open = claim.openSession;
  const session = {
    runKey: runKey({ work: ref.work, jobKey: job.key, revision: job.revision }),
    attempt: open?.attempt ?? claim.nextAttempt,
  };
  const openedAt = open ? new Date(open.openedAt) : deps.now();
  const timeoutMs = durationMs(definition.agent.timeout);
  let sentAt = sentAtOf(open?.handle as SessionHandle | undefined, openedAt);
  const deadline = (): Date => new Date((sentAt ?? deps.now()).getTime() + timeoutMs);
  let saved: string | undefined; // what the adapter has saved need not be saved again
  let last = open?.handle as SessionHandle | undefined;
  const context: ProviderContext = {
    save: async (handle) => {
      const at = sentAtOf(handle, sentAt ?? deps.now());
      const begun = { ...handle, definition: ref.manifest.definition };
      const placed = at ? { ...begun, sentAt: at.toISOString() } : begun;
      const text = JSON.stringify(placed);
      const leaves = handle.phase === 'start-sent' && last?.phase !== 'start-sent';
      const before = leaves ? { ...gate, underWay: true } : undefined;
      if (text !== saved) await deps.ledger.saveHandle(session, placed, claim.fence, before);
      sentAt = at;
      saved = text;
      last = placed;
      beat(placed);
    },
    signal: cancellationSignal(),
    now: deps.now,
  };
  return {
    ...given,
    session,
    deadline,
    context,
    lastSaved: () => last,
    request: {
      ...requestFor(given, session, openedAt, deadline()),
      ...(deps.config.tracing && { traceparent: traceparentHere(ref) }),
    },
    reached: async (point) => {
      await deps.reached(point, ref.key);
    },
  };
}

/** Of the job's run that this Activity is part of. */
function traceparentHere({ batchId, work, key: jobKey }: AgentRequest): string {
  const runId = activityInfo().workflowExecution?.runId ?? '';
  return traceparentOf({ batchId, work, jobKey, runId });
}

/** @param otherwise where the handle does not say */
function sentAtOf(handle: SessionHandle | undefined, otherwise: Date): Date | undefined {
  if (handle === undefined || handle.phase === 'prepared') return undefined;
  return handle.sentAt === undefined ? otherwise : new Date(handle.sentAt);
}

/** @param deadline of one that has just begun, where none is given */
export function requestFor(
  {
    ref,
    definition,
    job,
  }: Pick<SessionScope, 'definition' | 'job'> & { readonly ref: Pick<AgentRequest, 'work'> },
  { runKey, attempt }: SessionId,
  openedAt: Date,
  deadline = new Date(openedAt.getTime() + durationMs(definition.agent.timeout)),
): SessionRequest {
  const { prompt, outward } = definition.agent;
  return {
    ...{ runKey, attempt },
    work: ref.work,
    jobKey: job.key,
    identity: job.identity,
    batch: definition.name,
    input: job.input,
    revision: job.revision,
    prompt:
      prompt === undefined
        ? undefined
        : renderTemplate(prompt, templateScope({ work: definition.work, job })),
    openedAt: openedAt.toISOString(),
    deadlineAt: deadline.toISOString(),
    outward,
    ...(isDraft(job.identity) && { rehearsal: true }),
    baseDir: definition.baseDir,
  };
}

/**
 * Calls a verb of the provider, and tells its lane how that went.
 * @throws AdapterError for all that goes wrong in it, but for a cancellation
 */
export async function ask<T>(scope: SessionScope, verb: ProviderVerb, call: () => Promise<T>): Promise<T> {
  const { provider, context, lane } = scope;
  try {
    const answer = await call();
    if (ANSWERED.has(verb) && isRemote(provider)) await lane.report('ok');
    return answer;
  } catch (error) {
    if (context.signal.aborted || isOurs(error)) throw error;
    throw await told(scope, provider.classify(error, verb));
  }
}

/** Tells the lane of trouble at the service. */
export async function told({ provider, lane }: SessionScope, error: AdapterError): Promise<AdapterError> {
  if (isRemote(provider)) await reportTrouble(lane, error);
  return error;
}

/** The same error, which says what of a session could not be done because of it. */
export const struck = (what: string, error: AdapterError): AdapterError =>
  keptBackBy(error) // what a lane says of itself is said to all alike
    ? error
    : new AdapterError(error.errorClass, `${what}: ${error.message}`, error.facts, { cause: error });

/** Does something for a session whose trouble says what it was. */
export async function naming<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof AdapterError ? struck(what, error) : error;
  }
}

/** The service surely answered; the others may be answered from what is known. */
const ANSWERED: ReadonlySet<ProviderVerb> = new Set(['poll', 'collect']);

export const isRemote = ({ facts }: Provider): boolean => facts.find !== 'same-host';
