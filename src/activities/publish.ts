import { CancelledFailure, activityInfo, cancellationSignal } from '@temporalio/activity';
import { effectsOf } from '../batch/effects.js';
import { AdapterError } from '../contract/errors.js';
import type { PublishEnd, PublishRequest } from '../contract/messages.js';
import { StaleFence, type EffectRow, type JobEnd } from '../ledger/ledger.js';
import { jitterOf } from '../policy/jitter.js';
import { afterEffect } from '../policy/retry.js';
import { isPaused, readRef, writerOf, type Deps } from './deps.js';
import { retryAfter, toApplicationFailure } from './failure.js';
import { keepAlive } from './heartbeat.js';
import { effectRequest, landEffect } from './land-effect.js';
import type { Publisher } from './publishers/publisher.js';
import { publisherFor } from './publishers/publisher-for.js';

/**
 * Performs one effect of one job, at most once. May be called any number of times.
 * @returns landed or adopted with the place; held, parked or gated when the job can't go on by itself
 * @throws ApplicationFailure whose type is an error class, with the delay after which Temporal tries again
 */
export const publish =
  (deps: Deps) =>
  async (request: PublishRequest): Promise<PublishEnd> => {
    const stopHeartbeat = keepAlive(() => request.effect);
    try {
      return await publishOnce(deps, request);
    } catch (error) {
      throw toApplicationFailure(error);
    } finally {
      stopHeartbeat();
    }
  };

async function publishOnce(deps: Deps, request: PublishRequest): Promise<PublishEnd> {
  const { ledger, artifacts, now } = deps;
  if (await isPaused(request.batchId, deps)) return { kind: 'paused' };
  const { definition, job } = await readRef(request, deps);
  const effects = effectsOf(definition, job);
  const effect = effects.find(({ name }) => name === request.effect);
  if (!effect) throw new AdapterError('config', `the batch has no effect "${request.effect}"`);
  const reached = (point: Parameters<Deps['reached']>[0]) => deps.reached(point, job.key);

  await reached('E0');
  const id = {
    effectKey: effect.key,
    work: request.work,
    jobKey: job.key,
    name: effect.name,
    target: effect.target,
    use: effect.use,
  };
  const row = await ledger.beginEffect({ ...id, revision: job.revision }, writerOf(request.batchId, deps));
  let publisher: Publisher | undefined;
  // An earlier try may have sent what this one has not.
  let mayBeOut = row.state === 'attempting' || row.state === 'unknown';
  try {
    publisher = await publisherFor(effect, definition.baseDir, deps);
    const landed = await landEffect({
      publisher,
      body: {
        ...effectRequest(request, job, effect, row.fence),
        body: await artifacts.read(request.artifact),
        sha256: request.artifact,
        mime: undefined,
      },
      row,
      ledger,
      attempting: async () => {
        await ledger.attemptingEffect(
          row.effectKey,
          { sha256: request.artifact, revision: job.revision },
          row.fence,
        );
        mayBeOut = true;
      },
      settles: {
        work: request.work,
        jobKey: job.key,
        effectKeys: effects.map(({ key }) => key),
        revision: job.revision,
        state: 'done',
      },
      context: { signal: cancellationSignal(), now },
      reached,
    });
    if (landed.kind !== 'held') return { kind: landed.kind, url: landed.receipt.url };
    return await stop(landed.errorClass === 'unknown' ? 'unknown' : 'held', { ...landed, state: 'held' });
  } catch (error) {
    if (error instanceof StaleFence || error instanceof CancelledFailure) throw error;
    return await afterError(error, publisher);
  }

  /** Settles what a failed try means: look again later, or leave it to a person. */
  async function afterError(error: unknown, publisher: Publisher | undefined): Promise<PublishEnd> {
    const { errorClass, message, facts } = asAdapterError(error);
    const unclear = mayBeOut && facts.sent !== 'no' && facts.sent !== 'rejected';
    if (unclear && publisher && !publisher.lookup) {
      return stop('held', {
        state: 'held',
        errorClass: 'unknown',
        message: `${message}; the destination can’t be asked`,
      });
    }
    const tries = activityInfo().attempt;
    const next = afterEffect(
      errorClass,
      tries,
      jitterOf(`${row.effectKey}:${row.attempts}:${tries}`),
      facts.retryAfterMs,
    );
    if (next.kind === 'again') {
      await ledger.stopEffect(
        row.effectKey,
        { state: unclear ? 'unknown' : 'failed', errorClass, message },
        row.fence,
      );
      // An unclear request may still be at work: looking before it settled would say "absent" too early.
      throw retryAfter(
        errorClass,
        message,
        Math.max(next.delayMs, unclear ? (publisher?.facts.settleMs ?? 0) : 0),
      );
    }
    const state = { park: 'parked', hold: 'held', gate: 'gated' } as const;
    const jobState = unclear ? 'held' : state[next.kind];
    return stop(unclear ? 'unknown' : jobState === 'held' ? 'held' : 'failed', {
      state: jobState,
      errorClass,
      message: `${message} (${next.why})`,
    });
  }

  async function stop(
    state: EffectRow['state'] & ('unknown' | 'held' | 'failed'),
    end: Required<JobEnd>,
  ): Promise<PublishEnd> {
    const { errorClass } = end;
    const message = `${effect?.name ?? request.effect}: ${end.message}`;
    await ledger.stopEffect(
      row.effectKey,
      { state, errorClass, message, job: { state: end.state, errorClass, message } },
      row.fence,
    );
    const kind = end.state === 'held' || end.state === 'gated' ? end.state : 'parked';
    return { kind, errorClass, message };
  }
}

const asAdapterError = (error: unknown): AdapterError =>
  error instanceof AdapterError
    ? error
    : new AdapterError('bug', error instanceof Error ? error.message : String(error), {}, { cause: error });
