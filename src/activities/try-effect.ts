import { CancelledFailure } from '@temporalio/common';
import { AdapterError, isOurs, mayHaveArrived, type ErrorClass } from '../contract/errors.js';
import { effectIdOf } from '../batch/effects.js';
import type { Effect, Job } from '../contract/job.js';
import type { JobEnd, Trouble } from '../contract/messages.js';
import { canonicalJson } from '../identity/canonical-json.js';
import { sha256Hex } from '../identity/digest.js';
import { HeldBack, StaleFence, type By, type Gate, type Ledger } from '../ledger/ledger.js';
import { knownJob } from '../ledger/known-job.js';
import { jitterOf } from '../policy/jitter.js';
import {
  STATE_AFTER,
  afterEffect,
  whyOf,
  type Excuse,
  type RetryPolicy,
  type Tries,
} from '../policy/retry.js';
import type { CrashPoint } from './crash-points.js';
import { asAdapterError } from './failure.js';
import type { Lane } from './lanes/lane.js';
import { withGrace, type StoppableContext } from './grace.js';
import { LOST_ANSWER, effectRequest, isOpenQuestion, landEffect, type Landing } from './land-effect.js';
import type { Publisher } from './publishers/publisher.js';

/** One try at one effect of one job. */
export interface EffectTry {
  readonly work: string;
  readonly gate?: Gate;
  readonly job: Job;
  readonly effect: Effect;
  /** Of all effects of the job in this batch: the job is done when each has landed. */
  readonly effectKeys: readonly string[];
  readonly artifact: { readonly sha256: string; read(): Promise<Uint8Array> };
  /** Makes the publisher, the artifact at hand. */
  publisher(artifact: Uint8Array): Promise<Publisher>;
  readonly by: By;
  /** Of this effect in this run, where the present try fails in that class. */
  readonly tried: (errorClass: ErrorClass) => Tries;
  readonly retry: RetryPolicy;
  /** Milliseconds since the epoch; later than that another try may be at work. */
  readonly endsAt: number;
  /** Once its signal is aborted nothing new is sent; what is on its way gets its answer. */
  readonly context: Omit<StoppableContext, 'turn'>;
  /** Waits until the limits of the destination have room for one more request. */
  readonly turn?: Lane['turn'] | undefined;
  readonly reached: (point: CrashPoint) => void | Promise<void>;
  /** What the plan that this run is bound by does not allow. */
  readonly forbidden?: ((action: 'create' | 'update') => string | undefined) | undefined;
  /** Told that the destination answered well, for all others that use it. */
  readonly answered?: (outcome: 'ok' | 'written') => Promise<void>;
  /** Told what went wrong, for all others too; says where the job is not to blame. */
  readonly excuse?: (error: AdapterError) => Promise<Excuse | undefined>;
}

/** `again`: the outcome is in the ledger, and another try is to follow after the delay. */
export type EffectTried =
  | { readonly kind: 'landed' | 'adopted'; readonly url: string | undefined }
  | ({ readonly kind: 'parked' | 'held' | 'gated' } & Trouble)
  | Later<'again'>
  /** After so long that a durable timer is to run meanwhile. `failing`: the destination fails for others too. */
  | (Later<'wait'> & { readonly failing: boolean })
  /** A pause came before anything was sent. */
  | { readonly kind: 'paused' };

interface Later<Kind> {
  readonly kind: Kind;
  readonly errorClass: ErrorClass;
  readonly message: string;
  readonly delayMs: number;
}

/** What a request is made from; secrets are references here. */
export const requestSha256Of = (
  { with: options, use }: Pick<Effect, 'with' | 'use'>,
  artifact: string,
  revision: number,
): string => sha256Hex(canonicalJson({ artifact, with: options, use, revision }));

/**
 * Takes the effect, lands it, and writes down what came of it, whatever came of it.
 * @throws StaleFence when another try took over; CancelledFailure; AdapterError of our own ledger or artifacts
 */
export async function tryEffect(given: EffectTry, ledger: Ledger): Promise<EffectTried> {
  const { work, job, effect, effectKeys, artifact, turn } = given;
  await given.reached('E0');
  const { key: effectKey, name } = effect;
  const open = await olderQuestion(given, ledger);
  if (open !== undefined) return open;
  const row = await ledger.beginEffect(effectIdOf(work, job, effect), given.by);
  let publisher: Publisher | undefined;
  const turns = turn && new Turns(turn);
  let sending = false;
  let wrote = false;
  let acknowledged = row.acknowledged !== undefined;
  try {
    const body = await artifact.read();
    publisher = await given.publisher(body);
    const requestSha256 = requestSha256Of(effect, artifact.sha256, job.revision);
    const landing = {
      publisher,
      body: { ...effectRequest(given, job, effect, row), body, sha256: artifact.sha256, mime: undefined },
      requestSha256,
      row,
      ledger: {
        landEffect: (...landed) => ledger.landEffect(...landed),
        acknowledgedEffect: async (...said) => {
          await ledger.acknowledgedEffect(...said);
          acknowledged = true;
        },
        effectOf: (key) => ledger.effectOf(key),
      },
      onUnknown: effect.onUnknown,
      forbidden: given.forbidden,
      attempting: async () => {
        await turns?.takeAhead(given.context.signal);
        given.context.signal.throwIfAborted();
        const sent = { sha256: requestSha256, revision: job.revision };
        await ledger.attemptingEffect(effectKey, sent, row.fence, given.gate);
        sending = true;
      },
      maySend: async () => {
        assertTimeLeft(given.endsAt - given.context.now().getTime());
        await ledger.checkFence(effectKey, row.fence);
        wrote = true;
      },
      settles: { work, jobKey: job.key, effectKeys, revision: job.revision, state: 'done' },
      reached: given.reached,
    } satisfies Omit<Landing, 'context'>;
    const landed = await withGrace(given.context, (context) =>
      landEffect({ ...landing, context: { ...context, turn: turns && (() => turns.take(context.signal)) } }),
    );
    const asked = publisher.lookup !== undefined && (row.receipt?.revision ?? 0) < job.revision;
    // What was sent before and got no answer was carried out, as is known now.
    const written = wrote || (asked && landed.kind !== 'held' && LOST_ANSWER.has(row.state));
    if (asked || written) await given.answered?.(written ? 'written' : 'ok');
    if (landed.kind !== 'held') return { kind: landed.kind, url: landed.receipt.url };
    return await stop(heldAs(landed.errorClass, publisher), { ...landed, state: 'held' });
  } catch (error) {
    if (error instanceof StaleFence || error instanceof CancelledFailure) throw error;
    if (error instanceof HeldBack) return { kind: 'paused' };
    const reason = asAdapterError(error);
    if (!isOurs(reason)) return await afterError(reason, await given.excuse?.(reason));
    await noteFailed(reason);
    throw reason; // it is no trouble of this effect
  }

  /** A question that was open stays one, whatever else holds the job: a held effect is sent by the next start. */
  function heldAs(errorClass: ErrorClass, asked: Publisher): 'unknown' | 'held' {
    if (isOpenQuestion({ row, publisher: asked })) return 'unknown';
    return errorClass === 'unknown' && (sending || LOST_ANSWER.has(row.state)) ? 'unknown' : 'held';
  }

  /** A look-up that contradicts the destination tells nothing. */
  function canTell(): boolean {
    return !acknowledged && (publisher === undefined || publisher.facts.lookup === 'exact');
  }

  /** A try that sends after an exact look-up knows that what an earlier one sent never arrived. */
  function isUnclear({ facts }: AdapterError): boolean {
    const sent = sending && mayHaveArrived(facts);
    return sent || (LOST_ANSWER.has(row.state) && !(sending && canTell()));
  }

  async function noteFailed(reason: AdapterError): Promise<void> {
    const { errorClass, message } = reason;
    const state = isUnclear(reason) ? 'unknown' : 'failed';
    await ledger.stopEffect(effectKey, { state, errorClass, message }, row.fence);
  }

  /** Settles what a failed try means: look again later, or leave it to a person. */
  async function afterError(reason: AdapterError, excuse: Excuse | undefined): Promise<EffectTried> {
    const { errorClass, message, facts } = reason;
    const unclear = isUnclear(reason);
    const tried = given.tried(errorClass);
    const jitter = jitterOf(`${effectKey}:${row.attempts}:${tried.tries}`);
    const next = afterEffect(
      { errorClass, ...tried, jitter, hintMs: facts.retryAfterMs, excuse },
      given.retry,
    );
    if (next.kind === 'again' || next.kind === 'wait') {
      await noteFailed(reason);
      // An unclear request may still be at work: looking before it settled would say "absent" too early.
      const settleMs = unclear ? (publisher?.facts.settleMs ?? 0) : 0;
      const delayMs = Math.max(next.delayMs, settleMs);
      if (next.kind === 'again') return { kind: 'again', errorClass, message, delayMs };
      const why = excuse?.why ?? message;
      return { kind: 'wait', errorClass, message: why, delayMs, failing: excuse?.failing === true };
    }
    const jobState = unclear && !canTell() ? 'held' : STATE_AFTER[next.kind];
    return stop(unclear ? 'unknown' : jobState === 'held' ? 'held' : 'failed', {
      state: jobState,
      errorClass,
      message: `${message} (${whyOf(next, given.context.now().getTime())})`,
    });
  }

  async function stop(state: 'unknown' | 'held' | 'failed', end: Required<JobEnd>): Promise<EffectTried> {
    const { errorClass } = end;
    const message = `${name}: ${end.message}`;
    const job = { state: end.state, errorClass, message };
    await ledger.stopEffect(effectKey, { state, errorClass, message, job }, row.fence);
    if (end.state === 'gated') return { kind: 'gated', errorClass, message, ofDestination: true };
    return { kind: end.state === 'held' ? 'held' : 'parked', errorClass, message };
  }
}

/**
 * The turn of the first request that changes something is waited for before the ledger hears that it leaves: what has left
 * its hands long after it was noted could not be told from what is over.
 */
class Turns {
  private isAhead = false;
  constructor(private readonly turn: Lane['turn']) {}

  async takeAhead(signal: AbortSignal): Promise<void> {
    await this.turn(signal, { fresh: true });
    this.isAhead = true;
  }

  async take(signal: AbortSignal): Promise<void> {
    if (!this.isAhead) return this.turn(signal);
    this.isAhead = false;
  }
}

/**
 * A higher revision waits while nobody knows what became of an older one, where only a person can tell: their answer is
 * about the one that was sent.
 */
async function olderQuestion(given: EffectTry, ledger: Ledger): Promise<EffectTried | undefined> {
  const { work, job, effect, by } = given;
  if (job.revision === 1) return undefined;
  const known = (await knownJob(ledger, { work, jobKey: job.key }))?.effects.get(effect.key);
  if (!known || !LOST_ANSWER.has(known.state) || known.revision >= job.revision) return undefined;
  if ((await given.publisher(new Uint8Array())).facts.lookup === 'exact') return undefined;
  const message = `${effect.name}: revision ${known.revision} got no answer; say first whether it landed`;
  const end = { errorClass: 'unknown', message } as const;
  if (known.state === 'attempting') {
    // Its worker died, and no try of that revision will come to ask: the question is asked here.
    const { fence } = await ledger.beginEffect(
      { ...effectIdOf(work, job, effect), revision: known.revision },
      by,
    );
    await ledger.stopEffect(effect.key, { state: 'unknown', ...end }, fence);
  }
  await ledger.settleJob({ work, jobKey: job.key }, { state: 'held', ...end }, by);
  return { kind: 'held', ...end };
}

/**
 * A try that is about to be given up must not send any more: the next one may be at work when its request arrives.
 * What is left has to cover the longest request of an adapter.
 */
function assertTimeLeft(leftMs: number): void {
  if (leftMs > SEND_MARGIN_MS) return;
  const message = 'this try took too long to send anything; another one follows';
  throw new AdapterError('timeout', message, { sent: 'no' });
}
const SEND_MARGIN_MS = 3 * 60_000;
