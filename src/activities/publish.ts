import { activityInfo } from '@temporalio/activity';
import { effectsOf } from '../batch/effects.js';
import { forbiddenBy, readPermit } from '../batch/permit.js';
import type { Definition } from '../contract/batch-file.js';
import { AdapterError } from '../contract/errors.js';
import type { Job } from '../contract/job.js';
import type { PublishEnd, PublishRequest } from '../contract/messages.js';
import { approvalOf } from './approval.js';
import { activityWriter, contextOf, gateOf, readRef, type Deps } from './deps.js';
import { DEFAULT_RETRY, retryPolicy, type RetryPolicy } from '../policy/retry.js';
import { ready, toApplicationFailure, triedBefore, triesSoFar, tryAgainAfter } from './failure.js';
import { effectLane, reportTrouble } from './lanes/lane-of.js';
import { waitOrLeave } from './lanes/wait-or-leave.js';
import { goOnFrom, keepAlive } from './heartbeat.js';
import { noteStep } from '../telemetry/step.js';
import { publisherFor } from './publishers/publisher-for.js';
import { paused } from './session/admit.js';
import { settleTrouble } from './settle-trouble.js';
import { silentJob } from './silent-job.js';
import { tryEffect } from './try-effect.js';

/**
 * Performs one effect of one job, at most once. May be called any number of times.
 * @returns landed or adopted with the place; held, parked or gated when the job can't go on by itself
 * @throws ApplicationFailure whose type is an error class, with the delay after which Temporal tries again
 */
export const publish =
  (deps: Deps) =>
  async (request: PublishRequest): Promise<PublishEnd> => {
    const endsAt = deps.now().getTime() + activityInfo().startToCloseTimeoutMs;
    let retry = DEFAULT_RETRY; // until the batch's own is read
    const stopHeartbeat = keepAlive(() => request.effect);
    try {
      goOnFrom(request.tried);
      const silent = await silentJob(request, deps);
      if (silent !== undefined) return silent;
      const { definition, job } = await readRef(request, deps);
      retry = retryPolicy(definition.retry);
      return await publishOnce(deps, request, { definition, job, retry, endsAt });
    } catch (error) {
      if (error instanceof AdapterError) return await settleTrouble(error, retry, request, deps);
      throw toApplicationFailure(error, retry);
    } finally {
      stopHeartbeat();
    }
  };

interface Step {
  readonly definition: Definition;
  readonly job: Job;
  readonly retry: RetryPolicy;
  /** Milliseconds since the epoch; later than that another try may be at work. */
  readonly endsAt: number;
}

async function publishOnce(
  deps: Deps,
  request: PublishRequest,
  { definition, job, retry, endsAt }: Step,
): Promise<PublishEnd> {
  const { ledger, artifacts } = deps;
  const gate = gateOf(request, definition, true);
  if ((await paused(gate, ledger)) !== undefined) return { kind: 'paused' };
  const effects = effectsOf(definition, job);
  const effect = effects.find(({ name }) => name === request.effect);
  if (!effect) throw new AdapterError('config', `the batch has no effect "${request.effect}"`);

  const permit = await readPermit(request.manifest, artifacts);
  if (permit && !permit.effects[effect.key]) return { kind: 'left-out' };
  const unapproved = await approvalOf(request, job, effect, deps);
  if (unapproved !== undefined) return unapproved;

  noteStep({
    'nightshift.effect_key': effect.key,
    'nightshift.destination': effect.use,
    'nightshift.target': effect.target,
  });

  const lane = effectLane(definition, effect, request, deps);
  const entry = await lane?.enter('effect', { tentative: request.looks });
  if (entry?.kind === 'wait') {
    const provider = definition.agent.use;
    return waitOrLeave(entry, { job: request, provider, retry, deps, effect: effect.name });
  }
  if (request.looks) return ready();

  const tried = await tryEffect(
    {
      work: request.work,
      gate,
      job,
      effect,
      effectKeys: effects.map(({ key }) => key),
      artifact: { sha256: request.artifact, read: () => artifacts.read(request.artifact) },
      publisher: (artifact) => publisherFor(effect, definition.baseDir, deps, artifact),
      by: activityWriter(request.batchId, deps),
      tried: triesSoFar,
      retry,
      endsAt,
      forbidden: permit && forbiddenBy(permit, effect.key, request.artifact),
      context: contextOf(deps),
      turn: lane && ((signal, opts) => lane.turn(signal, opts)),
      ...(lane && {
        answered: (outcome) => lane.report(outcome),
        excuse: (error) => reportTrouble(lane, error),
      }),
      reached: (point) => deps.reached(point, job.key),
    },
    ledger,
  );
  if (tried.kind === 'again') throw tryAgainAfter(tried.errorClass, tried.message, tried.delayMs);
  if (tried.kind !== 'wait') return tried;
  const { delayMs, message: why, failing } = tried;
  const told = triedBefore(failing);
  return { kind: 'wait', delayMs, why, ...(told && { tried: told }), away: 'site' };
}
