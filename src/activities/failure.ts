import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { AdapterError, type ErrorClass } from '../contract/errors.js';
import type { TriedBefore, Ready } from '../contract/messages.js';
import { messageOf } from '../contract/thrown.js';
import { awakeMs } from '../host-sleep.js';
import { StaleFence } from '../ledger/ledger.js';
import { jitterOf } from '../policy/jitter.js';
import { DEFAULT_RETRY, afterStep, type RetryPolicy, type Tries } from '../policy/retry.js';
import { failingSince, keepAlive, noteFailure, noteUnexpected } from './heartbeat.js';

/**
 * The only place where errors become Temporal failures. Cancellation passes untouched. The failure's type is the
 * error class; its message carries no stack and no secret. What nobody has classified is a `bug`, and tried again as often
 * as those are.
 */
export function toApplicationFailure(error: unknown, retry: RetryPolicy = DEFAULT_RETRY): Error {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof StaleFence) {
    return ApplicationFailure.create({ type: 'StaleFence', message: error.message, nextRetryDelay: 1000 });
  }
  if (error instanceof AdapterError)
    return retryAfter(error.errorClass, error.message, error.facts.retryAfterMs ?? 2000);
  const message = messageOf(error);
  const tries = noteUnexpected();
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
 * stands still without a word is worse than one that failed. One that takes long is not taken for dead: it would be
 * begun again beside itself.
 */
export const settled =
  <Args extends unknown[], Result>(activity: (...args: Args) => Promise<Result>) =>
  async (...args: Args): Promise<Result> => {
    const stopHeartbeat = keepAlive();
    try {
      return await activity(...args);
    } catch (error) {
      if (
        error instanceof AdapterError &&
        afterStep({ errorClass: error.errorClass, ...triesSoFar(), jitter: 0 }, DEFAULT_RETRY).kind !==
          'again'
      ) {
        throw ApplicationFailure.nonRetryable(error.message, error.errorClass);
      }
      if (error instanceof AdapterError) noteFailure(Date.now());
      throw toApplicationFailure(error);
    } finally {
      stopHeartbeat();
    }
  };

/**
 * Tries of the present Activity, over all its attempts. Its time counts from the first that failed: what it did well
 * before that, such as watching a session for an hour, uses up nobody's patience, nor does time in which its host slept.
 * @param before of the same step, by Activities that ended in a wait
 */
export function triesSoFar(before?: TriedBefore): Tries {
  const nowMs = Date.now();
  const sinceMs = before?.failingSinceMs ?? failingSince() ?? nowMs;
  const elapsedMs = Math.max(0, awakeMs(sinceMs, nowMs));
  return { tries: (before?.tries ?? 0) + activityInfo().attempt, elapsedMs };
}

/**
 * What the step is to be told when it has waited. The present try is none: it was not made, or is excused; but a service
 * that fails uses up patience from now on, also that of a job whose first try it has kept back.
 * @param failing the service fails, and goes on failing while it waits; else it waits for a limit or a quota, which is no
 *   failure
 */
export function triedBefore(before: TriedBefore | undefined, failing: boolean): TriedBefore | undefined {
  const tries = (before?.tries ?? 0) + activityInfo().attempt - 1;
  const failingSinceMs = failing ? (before?.failingSinceMs ?? failingSince() ?? Date.now()) : undefined;
  if (tries === 0 && failingSinceMs === undefined) return undefined;
  return { tries, ...(failingSinceMs !== undefined && { failingSinceMs }) };
}

/** The answer to a look. What failed before may fail again: patience goes on from there. */
export function ready({ tried }: { readonly tried?: TriedBefore | undefined }): Ready {
  const told = triedBefore(tried, (tried?.failingSinceMs ?? failingSince()) !== undefined);
  return { kind: 'ready', ...(told && { tried: told }) };
}

/** As `retryAfter`, for trouble that is tried again until patience ends, which counts from here at the latest. */
export function tryAgainAfter(errorClass: ErrorClass, message: string, delayMs: number): ApplicationFailure {
  noteFailure(Date.now());
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
