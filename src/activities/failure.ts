import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { AdapterError, type ErrorClass } from '../contract/errors.js';
import type { FailedTries, Ready, TriedBefore, Trouble } from '../contract/messages.js';
import { messageOf } from '../contract/thrown.js';
import { awakeMs } from '../host-sleep.js';
import { StaleFence } from '../ledger/ledger.js';
import { jitterOf } from '../policy/jitter.js';
import { DEFAULT_RETRY, afterStep, type RetryPolicy, type Tries } from '../policy/retry.js';
import { failedSoFar, failingSince, keepAlive, noteAnswered, noteFailure, silentTries } from './heartbeat.js';

/**
 * The only place where errors become Temporal failures. Cancellation passes untouched. The failure's type is the
 * error class; its message carries no stack and no secret. What nobody has classified is a `bug`, and tried again as often
 * as those are.
 */
export function toApplicationFailure(error: unknown, retry: RetryPolicy = DEFAULT_RETRY): Error {
  const failure = failureOf(error, retry);
  noteAnswered();
  return failure;
}

function failureOf(error: unknown, retry: RetryPolicy): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof StaleFence) {
    return ApplicationFailure.create({ type: 'StaleFence', message: error.message, nextRetryDelay: 1000 });
  }
  if (error instanceof AdapterError)
    return retryAfter(error.errorClass, error.message, error.facts.retryAfterMs ?? 2000);
  const message = messageOf(error);
  const { alike: tries } = triesSoFar('bug');
  noteFailure('bug', Date.now());
  const jitter = jitterOf(`${activityInfo().workflowExecution?.workflowId ?? ''}:${tries}`);
  const next = afterStep({ errorClass: 'bug', tries, elapsedMs: 0, jitter }, retry);
  return ApplicationFailure.create({
    type: 'bug',
    message: `unexpected: ${message}`,
    nonRetryable: next.kind !== 'again',
    ...(next.kind === 'again' && { nextRetryDelay: next.delayMs }),
    ...(error instanceof Error && { cause: error }),
  });
}

/**
 * For the Activities of a batch, which have no job to park: trouble that would not pass ends the run, for a batch that
 * stands still without a word is worse than one that failed. So does one that kills its worker each time.
 */
export const settled = <Args extends unknown[], Result>(activity: (...args: Args) => Promise<Result>) =>
  goneOnWith(async (...args: Args) => {
    const silent = silentEnd('see its log, then start the batch again');
    if (silent !== undefined) throw ApplicationFailure.nonRetryable(silent.message, silent.errorClass);
    return activity(...args);
  });

/**
 * The same for one that has to come to its end whatever becomes of its workers. One that takes long is not taken for
 * dead: it would be begun again beside itself.
 */
export const goneOnWith =
  <Args extends unknown[], Result>(activity: (...args: Args) => Promise<Result>) =>
  async (...args: Args): Promise<Result> => {
    const stopHeartbeat = keepAlive();
    try {
      return await activity(...args);
    } catch (error) {
      if (
        error instanceof AdapterError &&
        afterStep({ errorClass: error.errorClass, ...triesSoFar(error.errorClass), jitter: 0 }, DEFAULT_RETRY)
          .kind !== 'again'
      ) {
        throw ApplicationFailure.nonRetryable(error.message, error.errorClass);
      }
      if (error instanceof AdapterError) noteFailure(error.errorClass, Date.now());
      throw toApplicationFailure(error);
    } finally {
      stopHeartbeat();
    }
  };

/**
 * How often the present step has failed in a row, over all its tries, this one included: neither workers that died nor
 * waits, nor sessions that ended before, are failures of it. Its time counts from the first of them: what it did well
 * before that, such as watching a session for an hour, uses up nobody's patience, nor does time in which its host slept.
 */
export function triesSoFar(errorClass: ErrorClass): Required<Tries> {
  const step = triesIn(failedSoFar('step'), errorClass);
  const look = triesIn(failedSoFar('look'), errorClass); // the present one is among them, where that is what failed
  return {
    tries: Math.max(step.tries + 1, look.tries),
    alike: Math.max(step.alike + 1, look.alike),
    elapsedMs: failingForMs(),
  };
}

/** `alike`: of one class. */
export const triesIn = (failed: FailedTries, errorClass: ErrorClass) => ({
  tries: Object.values(failed).reduce((sum, count) => sum + count, 0),
  alike: failed[errorClass] ?? 0,
});

/** How long the present step has been failing, or waiting for a service that fails. */
export function failingForMs(): number {
  const nowMs = Date.now();
  return Math.max(0, awakeMs(failingSince() ?? nowMs, nowMs));
}

/**
 * What the step is to be told when it has waited. The present try is none: it was not made, or is excused; but a service
 * that fails uses up patience from now on, also that of a job whose first try it has kept back.
 * @param failing the service fails, and goes on failing while it waits; else it waits for a limit or a quota, which is no
 *   failure
 */
export function triedBefore(failing: boolean): TriedBefore | undefined {
  const failed = failedSoFar('step');
  const hasFailed = Object.keys(failed).length > 0;
  const failingSinceMs = failing ? (failingSince() ?? Date.now()) : undefined;
  if (!hasFailed && failingSinceMs === undefined) return undefined;
  return { ...(hasFailed && { failed }), ...(failingSinceMs !== undefined && { failingSinceMs }) };
}

/** The answer to a look. What failed before may fail again: patience goes on from there. */
export function ready(): Ready {
  const tried = triedBefore(failingSince() !== undefined);
  return { kind: 'ready', ...(tried && { tried }) };
}

/**
 * So often in a row the worker of one step may die, or hang, before it has got anywhere. A step that is killed by the jobs
 * beside it, by deploys or by a host that goes down comes through long before that; one that kills its worker never does.
 */
const SILENT_TRIES_MAX = 30;

/** What ends a step that kills its worker each time. @param then what a person is to do */
export function silentEnd(then: string): Trouble | undefined {
  const silent = silentTries();
  if (silent < SILENT_TRIES_MAX) return undefined;
  const message = `its worker died or hung ${silent} times in a row without getting anywhere, and it is not tried again: ${then}`;
  return { errorClass: 'bug', message };
}

/** As `retryAfter`, for trouble that is tried again until patience ends, which counts from here at the latest. */
export function tryAgainAfter(errorClass: ErrorClass, message: string, delayMs: number): ApplicationFailure {
  noteFailure(errorClass, Date.now());
  return retryAfter(errorClass, message, delayMs);
}

/** A failure that Temporal tries again after exactly this delay. */
export function retryAfter(errorClass: ErrorClass, message: string, delayMs: number): ApplicationFailure {
  return ApplicationFailure.create({
    type: errorClass,
    message,
    nextRetryDelay: Math.max(1, Math.round(delayMs)),
  });
}

/** What was thrown, with a class: what no adapter has classified is our own bug. */
export const asAdapterError = (error: unknown): AdapterError =>
  error instanceof AdapterError ? error : new AdapterError('bug', messageOf(error), {}, { cause: error });
