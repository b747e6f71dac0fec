import { CancelledFailure, cancellationSignal } from '@temporalio/activity';
import { effectIdOf, effectsOf, undoOf } from '../batch/effects.js';
import { AdapterError, mayHaveArrived } from '../contract/errors.js';
import type { UnpublishEnd, UnpublishRequest } from '../contract/messages.js';
import type { Effect } from '../contract/job.js';
import type { Receipt } from '../contract/receipt.js';
import { knownJob } from '../ledger/known-job.js';
import { StaleFence, type EffectRow } from '../ledger/ledger.js';
import { jitterOf } from '../policy/jitter.js';
import { afterEffect, retryPolicy } from '../policy/retry.js';
import { asked, guarded } from './ask-publisher.js';
import { activityWriter, contextOf, readRef, type Deps } from './deps.js';
import { asAdapterError, silentEnd, toApplicationFailure, triesSoFar, tryAgainAfter } from './failure.js';
import { keepAlive } from './heartbeat.js';
import { withGrace } from './grace.js';
import { keptBackBy } from './lanes/lane-of.js';
import { LOST_ANSWER, effectRequest } from './land-effect.js';
import type { PublisherContext } from './publishers/publisher.js';
import { publisherFor } from './publishers/publisher-for.js';

/**
 * Takes one landed effect back, as its destination can: hides, deletes or reverses it. An effect of its own, with a
 * receipt that proves it. May be called any number of times: what is gone already counts as done.
 * @throws ApplicationFailure whose type is an error class, with the delay after which Temporal tries again
 */
export const unpublish =
  (deps: Deps) =>
  async (request: UnpublishRequest): Promise<UnpublishEnd> => {
    const stopHeartbeat = keepAlive(() => request.effect);
    try {
      const silent = silentEnd('see what its log says last, then take it back again');
      if (silent !== undefined) return { kind: 'refused', ...silent };
      return await unpublishOnce(deps, request);
    } catch (error) {
      throw toApplicationFailure(error);
    } finally {
      stopHeartbeat();
    }
  };

async function unpublishOnce(deps: Deps, request: UnpublishRequest): Promise<UnpublishEnd> {
  const { ledger, now } = deps;
  const { work } = request;
  const { definition, job } = await readRef(request, deps);
  const effect = effectsOf(definition, job).find(({ name }) => name === request.effect);
  if (!effect) throw new AdapterError('config', `the batch has no effect "${request.effect}"`);
  const receipts = await ledger.receipts({ work, jobKey: job.key });
  const landed = receipts.filter(({ effectKey }) => effectKey === effect.key).at(-1);
  const known = (await knownJob(ledger, { work, jobKey: job.key }))?.effects.get(effect.key);
  if (known && LOST_ANSWER.has(known.state)) {
    const message =
      `whether revision ${known.revision} of ${effect.name} landed is not known; ` +
      'let its batch find out, or say so first: nightshift approve';
    return { kind: 'refused', errorClass: 'unknown', message };
  }
  if (!landed) return { kind: 'nothing' };

  if (landed.revision > request.revision) {
    const message = `revision ${landed.revision} has landed since it was asked to take back ${request.revision}`;
    return { kind: 'refused', errorClass: 'conflict', message };
  }

  const { name, target } = effect;
  const undo = undoOf({ work, jobKey: job.key, name, target });
  const id = effectIdOf(work, { ...job, revision: landed.revision }, { ...effect, ...undo });
  const row = await ledger.beginEffect({ ...id, undoes: effect.key }, activityWriter(request.batchId, deps));
  if (row.receipt && row.receipt.revision >= landed.revision)
    return { kind: 'unpublished', place: placeOf(landed) };
  let sending = false;
  try {
    await withGrace(contextOf(deps), (context) => takeBack(effect, landed, context));
    const { id, url, sha256, revision } = landed;
    const receipt = { effectKey: undo.key, id, ...(url !== undefined && { url }), sha256, revision };
    const landedAt = now().toISOString();
    await ledger.landEffect({ ...receipt, landedAt, adopted: false }, undefined, row.fence);
  } catch (error) {
    if (error instanceof StaleFence || error instanceof CancelledFailure) throw error;
    return await afterError(error, row);
  }
  return { kind: 'unpublished', place: placeOf(landed) };

  async function takeBack(effect: Effect, landed: Receipt, context: PublisherContext): Promise<void> {
    const publisher = await publisherFor(effect, definition.baseDir, deps);
    const verb = publisher.unpublish?.bind(publisher);
    if (!verb) {
      throw new AdapterError('invalid', `${publisher.facts.name} can’t take back what it has sent`, {
        sent: 'no',
      });
    }
    const asking = { ...effectRequest(definition, job, effect, row), receipt: landed };
    cancellationSignal().throwIfAborted();
    await ledger.attemptingEffect(undo.key, { sha256: landed.sha256, revision: landed.revision }, row.fence);
    sending = true;
    await deps.reached('E15', job.key);
    await guarded(publisher, 'unpublish', () => verb(asking, landed, context));
    const lookup = publisher.lookup?.bind(publisher);
    const found = lookup && (await asked(publisher, 'lookup', () => lookup(asking, context)));
    if (found?.kind === 'ours' && found.placed.visible) {
      throw new AdapterError('unknown', 'the destination took it back, but a look-up still shows it', {
        sent: 'maybe',
      });
    }
    await deps.reached('E16', job.key);
  }

  async function afterError(error: unknown, before: EffectRow): Promise<UnpublishEnd> {
    const { effectKey, fence } = before;
    const reason = asAdapterError(error);
    const { errorClass, message, facts } = reason;
    const sent = sending && mayHaveArrived(facts);
    const unclear = sent || LOST_ANSWER.has(before.state);
    const tried = triesSoFar(errorClass);
    const jitter = jitterOf(`${effectKey}:${tried.tries}`);
    const retry = retryPolicy(definition.retry);
    const next = afterEffect(
      { errorClass, ...tried, jitter, hintMs: facts.retryAfterMs, excuse: keptBackBy(reason) },
      retry,
    );
    const goesOn = next.kind === 'again' || next.kind === 'wait';
    const state = unclear ? 'unknown' : goesOn ? 'failed' : 'held';
    await ledger.stopEffect(effectKey, { state, errorClass, message }, fence);
    // Taking back twice does no more than once, so an unclear answer needs nobody's decision.
    if (goesOn) throw tryAgainAfter(errorClass, message, next.delayMs);
    return { kind: 'refused', errorClass, message };
  }
}

const placeOf = ({ url, id }: Receipt): string => url ?? id;
