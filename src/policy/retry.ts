import { durationMs, retrySchema, type RetrySpec } from '../contract/batch-file.js';
import { ERROR_CLASSES, type ErrorClass } from '../contract/errors.js';
import { MINUTE_MS, SECOND_MS } from '../contract/units.js';
import { backAt } from './back-at.js';
import { spanText } from './span-text.js';

/**
 * What follows from an error, by class: the one table of retries. `docs/reference/errors.md` shows it to operators.
 *
 *  agent:   a failed try of the agent step: `again` (wait and try again), `park`, `hold` (a person has to look at the
 *           service, then ask for another session), or `gate` (the batch stops admitting; the job goes on at the next
 *           start)
 *  effect:  the same for an effect
 *  budget:  which of the job's two budgets a session that ran and ended so uses up
 *  baseMs, capMs: backoff doubles from base to cap, with full jitter
 *  tries:   failures in a row of one step in one run before a person is asked, and sessions that ran and ended so, over
 *           all runs; without it, as long as patience lasts and the budget of sessions
 */
export interface RetryRule {
  readonly agent: 'again' | 'park' | 'hold' | 'gate';
  readonly effect: 'again' | 'park' | 'hold' | 'gate';
  readonly budget: 'sessions' | 'rejected' | 'none';
  readonly baseMs: number;
  readonly capMs: number;
  readonly tries?: number;
}

const again = (budget: RetryRule['budget'], baseMs: number, capMs: number, tries?: number): RetryRule => ({
  agent: 'again',
  effect: 'again',
  budget,
  baseMs,
  capMs,
  ...(tries !== undefined && { tries }),
});
const gate: RetryRule = { agent: 'gate', effect: 'gate', budget: 'none', baseMs: 0, capMs: 0 };
const park: RetryRule = { agent: 'park', effect: 'park', budget: 'none', baseMs: 0, capMs: 0 };

export const RETRY_RULES: Readonly<Record<ErrorClass, RetryRule>> = {
  transient: again('sessions', 2 * SECOND_MS, 5 * MINUTE_MS),
  throttled: again('sessions', 30 * SECOND_MS, 10 * MINUTE_MS),
  exhausted: { ...gate, budget: 'sessions' },
  auth: gate,
  config: gate,
  invalid: { ...park, budget: 'sessions' },
  rejected: { ...again('rejected', 1 * SECOND_MS, 30 * SECOND_MS), effect: 'park' },
  budget: park,
  unknown: again('sessions', 2 * SECOND_MS, 1 * MINUTE_MS, 12),
  lost: again('sessions', 1 * SECOND_MS, 1 * MINUTE_MS, 12),
  timeout: again('sessions', 2 * SECOND_MS, 1 * MINUTE_MS, 12),
  conflict: { ...park, agent: 'hold', effect: 'hold' },
  bug: again('sessions', 2 * SECOND_MS, 1 * MINUTE_MS, 12),
};

/** The table with a batch's own numbers in it. */
export interface RetryPolicy {
  /** Sessions that one job may use. */
  readonly sessions: number;
  /** Of them, on an account of their own, those whose output was rejected. */
  readonly rejected: number;
  /** Longest that a step is tried again while nothing was paid for and nothing is wrong with the job. */
  readonly patienceMs: number;
  readonly rules: Readonly<Record<ErrorClass, RetryRule>>;
}

/** @param spec the `retry` block of a batch file */
export function retryPolicy({ sessions, rejected, patience, classes }: RetrySpec): RetryPolicy {
  const rules = { ...RETRY_RULES };
  for (const errorClass of ERROR_CLASSES) {
    const own = classes[errorClass];
    if (own === undefined) continue;
    const rule = rules[errorClass];
    const baseMs = own.wait === undefined ? rule.baseMs : durationMs(own.wait);
    rules[errorClass] = {
      ...rule,
      baseMs,
      // A first wait that is longer than the longest of the table is meant so.
      capMs: own.waitAtMost === undefined ? Math.max(rule.capMs, baseMs) : durationMs(own.waitAtMost),
      ...(own.tries !== undefined && { tries: own.tries }),
    };
  }
  return { sessions, rejected, patienceMs: durationMs(patience), rules };
}

/** For steps that belong to no batch file: as of one that says nothing of retries. */
export const DEFAULT_RETRY: RetryPolicy = retryPolicy(retrySchema.parse({}));

/** `wait` is `again` after so long that the step ends and a durable timer runs. */
export type Next =
  | { readonly kind: 'again'; readonly delayMs: number }
  | { readonly kind: 'wait'; readonly delayMs: number; readonly why: string }
  | { readonly kind: 'park'; readonly why: string }
  | { readonly kind: 'hold'; readonly why: string }
  | Gated;

interface Gated {
  readonly kind: 'gate';
  readonly why: string;
  /** When its service is back, by that service's own word. */
  readonly backInMs?: number;
}

/** What a job is after a try that is not followed by another one. */
export const STATE_AFTER = { park: 'parked', hold: 'held', gate: 'gated' } as const;

/** Why a job stops, for people. @param nowMs when it was decided, in milliseconds since the epoch */
export const whyOf = (next: Exclude<Next, { kind: 'again' }>, nowMs: number): string =>
  next.kind === 'gate' && next.backInMs !== undefined ? backAt(nowMs + next.backInMs) : next.why;

/** A session of a job that came to nothing. */
export interface SessionFailure {
  readonly errorClass: ErrorClass;
  /** Whether the provider may have done paid work: a start that was surely refused costs nothing but time. */
  readonly ran: boolean;
  /** Of the artifact that was rejected. */
  readonly sha256?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly endedAt: number;
  /** Of another run of the job than the present one, or from before a pause that is over by now. */
  readonly earlier?: boolean;
}

/**
 * After a failed session.
 *
 *  RP1. Sessions that ran use up budgets that are counted in the ledger, over all runs of the job, also where it was the
 *       service that ended them: each was paid for. A start that never came about uses none, and is tried until
 *       patience ends: a service that is down parks nobody. Patience is that of one run, as it is for effects, and begins
 *       anew after a pause, in which nobody tries anything. Its tries are those of one class: what last night failed of, or
 *       another fault did, is no try of this one.
 *  RP2. The same output rejected twice will be rejected a third time.
 *  RP3. A quota that comes back by itself is waited for.
 *  RP4. What is back only after patience has ended is not waited for, whoever says so: the service to this job, or its lane
 *       to all the others. They are gated alike, so that the run ends, and the next start goes on with them. So are those
 *       that have waited so long for a service that fails, and says nothing of when it is back, and the one among them
 *       that has asked it last, where its lane knows that it is not to blame.
 *  RP5. What an agent that acts on the outside world has done, another session would do again: that, a person decides.
 *
 * @param failures all that failed since the job got its budget, the present one last
 * @param how `outward`: the agent acts on the outside world · `excuse`: of a start that never came about · `failingMs`:
 *   how long the step has had to do with a service that fails, its waits included
 */
export function afterSession(
  failures: readonly SessionFailure[],
  policy: RetryPolicy,
  { jitter, hintMs = 0, outward = false, excuse, failingMs = 0 }: SessionCircumstances,
): Next {
  const last = failures.at(-1);
  if (last === undefined) throw new RangeError('nothing failed');
  const { errorClass } = last;
  const rule = policy.rules[errorClass];
  if (outward && last.ran) return { kind: 'hold', why: HELD_OUTWARD }; // RP5
  const streak = streakOf(failures);
  const elapsedMs = last.endedAt - (streak[0]?.endedAt ?? last.endedAt);
  const waitedMs = Math.max(elapsedMs, failingMs);
  if (!last.ran && excuse?.kind === 'closed') return afterClosed(excuse, policy, waitedMs);
  const waited = waitFor(errorClass, hintMs, jitter, policy); // RP3
  if (waited?.kind === 'gate') return waited;
  if (waited !== undefined) return usedUp(failures, policy) ?? waited;
  if (rule.agent === 'hold') return { kind: 'hold', why: HELD_SESSION };
  if (rule.agent === 'park') return { kind: 'park', why: `${errorClass}: trying again would not help` };
  if (rule.agent === 'gate') return gated(errorClass);

  if (last.ran) {
    const ran = failures.filter((failure) => failure.ran).length;
    return usedUp(failures, policy) ?? againWithin(rule, ran, policy.patienceMs, jitter, hintMs);
  }
  if (excuse !== undefined && waitedMs >= policy.patienceMs) return afterClosed(excuse, policy, waitedMs);
  const alike = streak.filter((failure) => failure.errorClass === errorClass).length;
  return bounded({ tries: streak.length, alike, elapsedMs }, rule, policy, jitter, hintMs);
}

/** RP1: the refused starts that patience counts. A quota that was waited for is no failure, and ends one. */
const streakOf = (failures: readonly SessionFailure[]): readonly SessionFailure[] =>
  failures
    .slice(failures.findLastIndex(({ ran, errorClass }) => ran || errorClass === 'exhausted') + 1)
    .filter(({ earlier = false }) => !earlier);

/** RP1, RP2: what ends a job whose last session ran. */
function usedUp(failures: readonly SessionFailure[], policy: RetryPolicy): Next | undefined {
  const last = failures.at(-1);
  if (!last?.ran) return undefined;
  const ran = failures.filter((failure) => failure.ran);
  const { budget } = policy.rules[last.errorClass];
  const used = ran.filter(({ errorClass }) => policy.rules[errorClass].budget === budget).length;
  const twin = ran.slice(0, -1).some(({ sha256 }) => sha256 !== undefined && sha256 === last.sha256);
  if (twin) return { kind: 'park', why: 'the very same output was rejected before' }; // RP2
  if (budget === 'rejected' && used >= policy.rejected)
    return { kind: 'park', why: `all ${policy.rejected} sessions for rejected output are used` };
  const { tries = Infinity } = policy.rules[last.errorClass];
  if (ran.filter(({ errorClass }) => errorClass === last.errorClass).length >= tries)
    return { kind: 'park', why: triesFailed(tries) };
  if (budget === 'sessions' && used >= policy.sessions)
    return { kind: 'park', why: `all ${policy.sessions} sessions of its budget are used` };
  return undefined;
}

/** What a person has to do about a session that is held: the ledger can't tell what it did. */
export const HELD_SESSION =
  'look at the service whether its run exists and what it did, then: nightshift retry NAME --job KEY';

/** The same for an agent of which no session is repeated. */
export const HELD_OUTWARD = `the agent acts on the outside world, and may have done so: ${HELD_SESSION}`;

/** How often in a row and for how long a step has failed in this run, the present try included. */
export interface Tries {
  readonly tries: number;
  /** Of them, those that failed in the class of the present one, which its rule bounds; by default all. */
  readonly alike?: number;
  readonly elapsedMs: number;
}

/** Why a failed try is no fault of its job, as the lane of the service knows it. */
export interface Excuse {
  /** `closed`: the lane let nothing through · `down`: the service fails for several jobs alike */
  readonly kind: 'closed' | 'down';
  readonly delayMs: number;
  readonly why: string;
  /** Where the service itself is closed to us, and not a limit of ours: until when. */
  readonly backInMs?: number;
  /** The service fails, and goes on failing while it is waited for: patience runs on. Else it has had enough. */
  readonly failing?: boolean;
}

/** What else decides what follows from a failure. */
interface Circumstances {
  /** From 0 to 1. */
  readonly jitter: number;
  /** The service's own word, in milliseconds: a lower bound. */
  readonly hintMs?: number | undefined;
  readonly excuse?: Excuse | undefined;
}

interface SessionCircumstances extends Circumstances {
  readonly outward?: boolean | undefined;
  readonly failingMs?: number;
}

/** A try of an effect, or of another step, that came to nothing. */
export interface FailedTry extends Tries, Circumstances {
  readonly errorClass: ErrorClass;
}

/**
 * RP4: what a step that finds a lane closed does, before it has asked anything of the service.
 * @param elapsedMs since it began to fail, or to wait for a service that fails
 */
export function afterClosed(
  { delayMs, why, backInMs = 0, failing = false }: Omit<Excuse, 'kind'>,
  { patienceMs }: RetryPolicy,
  elapsedMs = 0,
): Extract<Next, { kind: 'wait' | 'gate' }> {
  if (backInMs > patienceMs) return notBefore(backInMs);
  // Where another job is just asking the service, its answer is waited for.
  if (failing && backInMs > 0 && elapsedMs >= patienceMs)
    return { kind: 'gate', why: `it has failed for ${spanText(elapsedMs)}, and patience ends there` };
  return { kind: 'wait', delayMs, why };
}

const notBefore = (backInMs: number): Gated => ({
  kind: 'gate',
  why: 'it is back later than patience lasts',
  backInMs,
});

/**
 * After a failed try of an effect whose outcome is known to be "not there", or that will be looked up first.
 *
 *  RP6. A job waits with the others while a service is down, and uses up no tries by it; only patience, which counts from
 *       its first failure or such wait on, ends that. What fails for it alone are its own tries, whatever waits lie between them.
 */
export function afterEffect(failed: FailedTry, policy: RetryPolicy): Next {
  const { errorClass, elapsedMs, jitter, hintMs = 0, excuse } = failed;
  const rule = policy.rules[errorClass];
  if (excuse?.kind === 'closed') return afterClosed(excuse, policy, elapsedMs);
  const waited = waitFor(errorClass, hintMs, jitter, policy);
  if (waited !== undefined) return waited;
  switch (rule.effect) {
    case 'park':
      return { kind: 'park', why: `${errorClass}: trying again would not help` };
    case 'hold':
      return { kind: 'hold', why: 'a person has to decide' };
    case 'gate':
      return { kind: 'gate', why: `${errorClass}: no effect can land before this is put right` };
    case 'again':
      // RP6
      return excuse === undefined
        ? bounded(failed, rule, policy, jitter, hintMs)
        : afterClosed(excuse, policy, elapsedMs);
  }
}

/**
 * After a failed try of a step that no session and no effect is to blame for, such as a look at a session that goes on,
 * or reading what it made.
 */
export function afterStep(failed: FailedTry, policy: RetryPolicy): Next {
  const { errorClass, excuse } = failed;
  const next = afterEffect(failed, policy);
  return next.kind === 'gate' && next.backInMs === undefined && excuse === undefined
    ? gated(errorClass)
    : next;
}

const gated = (errorClass: ErrorClass): Next => ({
  kind: 'gate',
  why: `${errorClass}: no job can go on before this is put right`,
});

function waitFor(
  errorClass: ErrorClass,
  hintMs: number,
  jitter: number,
  { patienceMs }: RetryPolicy,
): Next | undefined {
  if (errorClass !== 'exhausted' || hintMs <= 0) return undefined;
  if (hintMs > patienceMs) return notBefore(hintMs); // RP4
  const delayMs = withJitter(hintMs, jitter);
  return { kind: 'wait', delayMs, why: 'the quota is used up and comes back by itself' };
}

function bounded(
  { tries, alike = tries, elapsedMs }: Tries,
  rule: RetryRule,
  { patienceMs }: RetryPolicy,
  jitter: number,
  hintMs: number,
): Next {
  if (rule.tries !== undefined && alike >= rule.tries) return { kind: 'park', why: triesFailed(alike) };
  if (elapsedMs >= patienceMs)
    return {
      kind: 'park',
      why: `${tries} tries in ${spanText(elapsedMs)} failed, and patience ends there`,
    };
  return againWithin(rule, tries, patienceMs - elapsedMs, jitter, hintMs);
}

const triesFailed = (tries: number): string => (tries === 1 ? '1 try failed' : `${tries} tries failed`);

/** RP4: a wait of the table ends with patience, for one last try; one that the service asks for is a lower bound. */
function againWithin(
  rule: RetryRule,
  failures: number,
  leftMs: number,
  jitter: number,
  hintMs: number,
): Next {
  if (hintMs > leftMs) return notBefore(hintMs);
  const capMs = Math.min(rule.capMs, leftMs);
  return { kind: 'again', delayMs: backoffMs({ ...rule, capMs }, failures, jitter, hintMs) };
}

/** Full jitter: anywhere between nothing and the doubled step, so that siblings never march in step. */
function backoffMs(rule: RetryRule, failures: number, jitter: number, hintMs: number): number {
  const step = Math.min(rule.capMs, rule.baseMs * 2 ** Math.min(Math.max(0, failures - 1), 20));
  // Temporal takes a delay of 0 for "none given" and would use its own policy.
  return Math.max(1, withJitter(hintMs, jitter), Math.round(step * jitter));
}

/** A server's hint is a lower bound. */
const withJitter = (hintMs: number, jitter: number): number => Math.round(hintMs * (1 + 0.2 * jitter));
