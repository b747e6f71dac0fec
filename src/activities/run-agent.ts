import {
  CancelledFailure,
  activityInfo,
  cancellationDetails,
  cancellationSignal,
  log,
  sleep,
} from '@temporalio/activity';
import type { ArtifactRef, ArtifactStore } from '../contract/artifact.js';
import { durationMs, type Definition } from '../contract/batch-file.js';
import { AdapterError, type ErrorClass } from '../contract/errors.js';
import type { Job } from '../contract/job.js';
import type { AgentEnd, JobRef } from '../contract/messages.js';
import { renderTemplate, templateScope } from '../batch/template.js';
import { runKey } from '../identity/keys.js';
import type { Claim, SessionEnd, SessionId, SessionRow } from '../ledger/ledger.js';
import { failedChecks } from '../policy/checks.js';
import { jitterOf } from '../policy/jitter.js';
import { afterEffect, afterSession } from '../policy/retry.js';
import { adoptFromDestinations, askDestinations } from './adopt.js';
import { claimFor, contextOf, isPaused, readRef, writerOf, type Deps } from './deps.js';
import { retryAfter, toApplicationFailure } from './failure.js';
import { keepAlive } from './heartbeat.js';
import { NOTHING_USED } from './usage.js';
import { providerFor } from './providers/provider-for.js';
import type {
  Provider,
  ProviderContext,
  SessionHandle,
  SessionProgress,
  SessionRequest,
} from './providers/provider.js';

type Claimed = Extract<Claim, { kind: 'claimed' }>;
type Failed = Exclude<SessionEnd, { state: 'collected' }>;

/**
 * Gets the artifact of one job: the stored one, or that of the session under way, or that of a new session.
 *
 *  RA1. The intent is committed before the provider is asked to start, the session's id before the first heartbeat;
 *       so whoever comes next attaches instead of paying again.
 *  RA2. Before a session is paid for, the destinations are asked: the ledger may be younger, or older, than the work.
 *  RA3. Whatever a session cost is booked when it ends, waste included.
 *  RA4. A worker that stops leaves its sessions alone; only a cancelled job ends them.
 *
 * @throws ApplicationFailure whose type is an error class, with the delay after which Temporal tries again
 */
export const runAgent =
  (deps: Deps) =>
  async (ref: JobRef): Promise<AgentEnd> => {
    let handle: SessionHandle | undefined;
    const stopHeartbeat = keepAlive(() => handle);
    try {
      return await new AgentStep(deps, ref, (next) => (handle = next)).run();
    } catch (error) {
      if (error instanceof AdapterError) return await outsideSession(error, deps, ref);
      throw toApplicationFailure(error);
    } finally {
      stopHeartbeat();
    }
  };

/** Trouble that no session is to blame for: an adapter that can't be made, a destination that can't be asked, a lost manifest. */
async function outsideSession(
  { errorClass, message, facts }: AdapterError,
  deps: Deps,
  ref: JobRef,
): Promise<AgentEnd> {
  const tries = activityInfo().attempt;
  const next = afterEffect(errorClass, tries, jitterOf(`${ref.key}:${tries}`), facts.retryAfterMs);
  if (next.kind === 'again') throw retryAfter(errorClass, message, next.delayMs);
  const state = ({ park: 'parked', hold: 'held', gate: 'gated' } as const)[next.kind];
  const trouble = { errorClass, message: `${message} (${next.why})` };
  await deps.ledger.settleJob({ work: ref.work, jobKey: ref.key }, { state, ...trouble }, ref.batchId);
  return { kind: state, ...trouble };
}

class AgentStep {
  constructor(
    private readonly deps: Deps,
    private readonly ref: JobRef,
    private readonly beat: (handle: SessionHandle) => void,
  ) {}

  async run(): Promise<AgentEnd> {
    const { deps, ref } = this;
    const { ledger, artifacts } = deps;
    const { definition, job } = await readRef(ref, deps);
    await this.reached('A0');
    const { fingerprint, revision } = job;
    const claim = await claimFor(ref, definition, job, deps);
    await this.reached('A1');
    if (claim.kind === 'finished') return { kind: 'adopted' };
    if (claim.kind === 'parked') return { ...claim, kind: 'parked' };
    if (claim.kind === 'conflict') {
      const message = `the ledger has revision ${claim.revision} with fingerprint ${claim.fingerprint}, this batch has revision ${revision} with fingerprint ${fingerprint}`;
      return { kind: 'held', errorClass: 'conflict', message };
    }
    if (claim.artifact) {
      if (await isWhole(artifacts, claim.artifact.sha256))
        return { kind: 'made', sha256: claim.artifact.sha256 };
      // Its session has to be paid for again, and that is said: the one that was paid for is waste now.
      const message = `the stored artifact ${claim.artifact.sha256.slice(0, 12)} is gone or damaged`;
      await ledger.loseArtifact({ work: ref.work, jobKey: job.key }, message, claim.fence);
    }
    if (claim.openSession === undefined) {
      const asking = { definition, job, context: contextOf(deps) };
      const by = writerOf(ref.batchId, deps);
      const ranUnseen = async (someAreThere: boolean) =>
        claim.fresh && (someAreThere || (await ranBefore(deps)));
      const answers = await askDestinations(asking, deps); // RA2
      const adopted = await adoptFromDestinations(answers, asking, ledger, by, ranUnseen);
      if (adopted !== undefined) return adopted;
    }
    const provider = await providerFor(definition, deps);
    return this.runSession(provider, definition, job, claim);
  }

  private async runSession(
    provider: Provider,
    definition: Definition,
    job: Job,
    claim: Claimed,
  ): Promise<AgentEnd> {
    const { deps, ref } = this;
    const open = claim.openSession;
    if (!open) {
      if (await isPaused(ref.batchId, deps)) return { kind: 'paused' };
      const broke = await this.overBudget(definition, job);
      if (broke !== undefined) {
        const end = { errorClass: 'budget', message: broke } as const;
        await deps.ledger.settleJob(
          { work: ref.work, jobKey: job.key },
          { state: 'parked', ...end },
          ref.batchId,
        );
        return { kind: 'parked', ...end };
      }
    }
    const session = {
      runKey: runKey({ work: ref.work, jobKey: job.key, revision: job.revision }),
      attempt: open?.attempt ?? claim.nextAttempt,
    };
    const startedAt = open ? new Date(open.startedAt) : deps.now();
    const deadline = new Date(startedAt.getTime() + durationMs(definition.agent.timeout));
    const request = this.requestFor(definition, job, session, startedAt, deadline);
    let saved: string | undefined; // what the adapter has saved need not be saved again
    const context: ProviderContext = {
      save: async (handle) => {
        const text = JSON.stringify(handle);
        if (text !== saved) await deps.ledger.saveHandle(session, handle, claim.fence);
        saved = text;
        this.beat(handle); // RA1: never before it is saved
      },
      signal: cancellationSignal(),
      now: deps.now,
    };

    let handle: SessionHandle | undefined;
    try {
      handle = await this.openSession(provider, request, open, claim, context);
      this.beat(handle);
      const ended = await this.watch(provider, handle, deadline, context);
      await this.reached('A7');
      if (ended.kind === 'succeeded') {
        const end = await this.collect(provider, handle, definition, context);
        if (end.state === 'collected') return await this.book(provider, handle, session, end, claim, context);
        return await this.fail(provider, handle, session, end, definition, claim, context);
      }
      const usage = await provider.usage(handle, context);
      const failed: Failed =
        ended.kind === 'lost'
          ? { state: 'lost', errorClass: 'lost', message: ended.message, usage }
          : { state: 'failed', errorClass: ended.errorClass, message: ended.message, usage };
      const hintMs = ended.kind === 'failed' ? ended.retryAfterMs : undefined;
      return await this.fail(provider, handle, session, failed, definition, claim, context, hintMs);
    } catch (error) {
      if (error instanceof CancelledFailure || cancellationSignal().aborted) {
        throw await this.afterCancel(provider, handle, session, claim, error);
      }
      if (error instanceof SessionNotStarted) {
        const { errorClass, message, facts } = error.reason;
        const failed: Failed = { state: 'failed', errorClass, message, usage: NOTHING_USED };
        return await this.fail(
          provider,
          undefined,
          session,
          failed,
          definition,
          claim,
          context,
          facts.retryAfterMs,
        );
      }
      throw error;
    }
  }

  /** Attaches to what is there, and starts only what surely is not. */
  private async openSession(
    provider: Provider,
    request: SessionRequest,
    open: SessionRow | undefined,
    claim: Claimed,
    context: ProviderContext,
  ): Promise<SessionHandle> {
    const { ledger } = this.deps;
    const { fence } = claim;
    const known = open?.handle as SessionHandle | undefined;
    if (open?.state === 'started' && known?.phase !== 'prepared') {
      await ledger.attachSession(open, fence);
      return open.handle as SessionHandle;
    }
    if (open) {
      const found = await provider.find(request, known, context);
      if (found.kind === 'session') {
        await context.save(found.handle);
        await ledger.attachSession(open, fence);
        return found.handle;
      }
      if (
        !provider.facts.startIsIdempotent &&
        (found.kind === 'unknown' || provider.facts.find !== 'exact')
      ) {
        const why = found.kind === 'unknown' ? found.why : 'the provider has no sure look-up';
        throw new SessionNotStarted(
          new AdapterError('lost', `a start got no answer, and ${why}: it may have run unseen`),
        );
      }
    } else {
      const { runKey, attempt, work, jobKey, revision } = request;
      const by = writerOf(this.ref.batchId, this.deps);
      await ledger.intendSession(
        { runKey, attempt, work, jobKey, revision, provider: provider.facts.name, by },
        fence,
      ); // RA1
    }
    await this.reached('A2');
    const handle = await this.start(provider, request, known, context);
    await this.reached('A3');
    await context.save(handle);
    await this.reached('A5');
    return handle;
  }

  private async start(
    provider: Provider,
    request: SessionRequest,
    known: SessionHandle | undefined,
    context: ProviderContext,
  ): Promise<SessionHandle> {
    try {
      return await provider.start(request, known, context);
    } catch (error) {
      if (cancellationSignal().aborted) throw error;
      const reason = provider.classify(error, 'start');
      // Perhaps it runs: the intent stays open, and the next try looks for it.
      if (reason.facts.sent === 'maybe') throw reason;
      throw new SessionNotStarted(reason);
    }
  }

  private async watch(
    provider: Provider,
    handle: SessionHandle,
    deadline: Date,
    context: ProviderContext,
  ): Promise<Exclude<SessionProgress, { kind: 'running' }>> {
    for (;;) {
      const progress = await provider.poll(handle, context).catch((error: unknown) => {
        throw cancellationSignal().aborted ? error : provider.classify(error, 'poll');
      });
      await this.reached('A6');
      if (progress.kind !== 'running') return progress;
      const leftMs = deadline.getTime() - this.deps.now().getTime();
      if (leftMs <= 0) {
        await provider.cancel(handle, context);
        return {
          kind: 'failed',
          errorClass: 'timeout',
          message: 'the session ran longer than its timeout and was cancelled',
        };
      }
      await sleep(Math.max(1, Math.min(progress.nextPollMs, leftMs)));
    }
  }

  /** Stores what the session made, and checks it. */
  private async collect(
    provider: Provider,
    handle: SessionHandle,
    definition: Definition,
    context: ProviderContext,
  ): Promise<SessionEnd> {
    const { artifacts } = this.deps;
    let artifact: ArtifactRef;
    try {
      const output = await provider.collect(handle, context);
      await this.reached('A8');
      artifact = await artifacts.put(output.content, output.mime);
    } catch (error) {
      const { errorClass, message } = provider.classify(error, 'collect');
      if (errorClass !== 'rejected') throw error;
      return { state: 'failed', errorClass, message, usage: await provider.usage(handle, context) };
    }
    const usage = await provider.usage(handle, context);
    await this.reached('A9');
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

  private async book(
    provider: Provider,
    handle: SessionHandle,
    session: SessionId,
    end: Extract<SessionEnd, { state: 'collected' }>,
    { fence }: Claimed,
    context: ProviderContext,
  ): Promise<AgentEnd> {
    await this.deps.ledger.endSession(session, end, fence); // RA3
    await this.reached('A10');
    await this.release(provider, handle, context);
    return { kind: 'made', sha256: end.artifact.sha256 };
  }

  /** Books a session that came to nothing, and does what the policy says next. */
  private async fail(
    provider: Provider,
    handle: SessionHandle | undefined,
    session: SessionId,
    failed: Failed,
    definition: Definition,
    { failures, fence }: Claimed,
    context: ProviderContext,
    hintMs?: number,
  ): Promise<AgentEnd> {
    const { errorClass } = failed;
    const all: ErrorClass[] = [...failures, errorClass];
    const jitter = jitterOf(`${session.runKey}:${session.attempt}`);
    const next = afterSession(errorClass, all, definition.retry.sessions, jitter, hintMs);
    const message = next.kind === 'again' ? failed.message : `${failed.message} (${next.why})`;
    const state = next.kind === 'gate' ? 'gated' : errorClass === 'conflict' ? 'held' : 'parked';
    await this.deps.ledger.endSession(
      session,
      { ...failed, ...(next.kind !== 'again' && { job: { state, errorClass, message } }) },
      fence,
    );
    if (handle) await this.release(provider, handle, context);
    if (next.kind === 'again') throw retryAfter(errorClass, failed.message, next.delayMs);
    return { kind: state, errorClass, message };
  }

  /** What is not freed costs room at the service, and is no reason to lose what was made. */
  private async release(provider: Provider, handle: SessionHandle, context: ProviderContext): Promise<void> {
    try {
      await provider.release?.(handle, context);
    } catch (error) {
      log.warn('a session could not be released', { reason: provider.classify(error, 'release').message });
    }
  }

  /** RA4 */
  private async afterCancel(
    provider: Provider,
    handle: SessionHandle | undefined,
    session: SessionId,
    { fence }: Claimed,
    error: unknown,
  ): Promise<unknown> {
    const details = cancellationDetails();
    if (details?.workerShutdown) return retryAfter('transient', 'the worker stopped; the session goes on', 1);
    if (details?.cancelRequested && handle) {
      // Our own signal is aborted already, and ending the session must not be.
      const context: ProviderContext = {
        save: async () => undefined,
        signal: new AbortController().signal,
        now: this.deps.now,
      };
      await provider.cancel(handle, context);
      const usage = await provider.usage(handle, context);
      await this.deps.ledger.endSession(
        session,
        {
          state: 'cancelled',
          errorClass: 'timeout',
          message: 'the job was cancelled',
          usage,
          job: { state: 'cancelled' },
        },
        fence,
      );
    }
    return error;
  }

  private async overBudget({ budget }: Definition, job: Job): Promise<string | undefined> {
    const { ledger } = this.deps;
    const { work, batchId } = this.ref;
    const spent = async (of: Parameters<typeof ledger.spend>[0]) => (await ledger.spend(of)) / 1e6;
    if (budget?.perJob !== undefined) {
      const cost = await spent({ job: { work, jobKey: job.key } });
      if (cost >= budget.perJob)
        return `the job has cost ${cost} ${budget.currency}; its budget is ${budget.perJob}`;
    }
    if (budget?.perBatch !== undefined) {
      const cost = await spent({ batchId });
      if (cost >= budget.perBatch)
        return `the batch has cost ${cost} ${budget.currency}; its budget is ${budget.perBatch}`;
    }
    return undefined;
  }

  private requestFor(
    definition: Definition,
    job: Job,
    session: SessionId,
    openedAt: Date,
    deadline: Date,
  ): SessionRequest {
    const { prompt, outward } = definition.agent;
    return {
      ...session,
      work: this.ref.work,
      jobKey: job.key,
      identity: job.identity,
      input: job.input,
      revision: job.revision,
      prompt:
        prompt === undefined
          ? undefined
          : renderTemplate(prompt, templateScope({ work: definition.work, job })),
      openedAt: openedAt.toISOString(),
      deadlineAt: deadline.toISOString(),
      outward,
      baseDir: definition.baseDir,
    };
  }

  private async reached(point: Parameters<Deps['reached']>[0]): Promise<void> {
    await this.deps.reached(point, this.ref.key);
  }
}

/** Whether the engine knows of another run of this job: then a ledger that has never heard of it is not the first. */
async function ranBefore({ client }: Deps): Promise<boolean> {
  const { workflowExecution } = activityInfo();
  if (!workflowExecution) return false;
  const runs = client.workflow.list({ query: `WorkflowId = '${workflowExecution.workflowId}'` });
  for await (const { runId } of runs) if (runId !== workflowExecution.runId) return true;
  return false;
}

/** The provider surely runs nothing for this attempt. */
class SessionNotStarted extends Error {
  constructor(readonly reason: AdapterError) {
    super(reason.message);
  }
}

async function isWhole(artifacts: ArtifactStore, sha256: string): Promise<boolean> {
  try {
    await artifacts.read(sha256);
    return true;
  } catch (error) {
    if (error instanceof AdapterError && error.errorClass === 'lost') return false;
    throw error;
  }
}

/** The text of bytes that are UTF-8; undefined for all others. */
function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // not text is an answer here, not a failure
  }
}
