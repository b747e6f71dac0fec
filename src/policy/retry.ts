import type { ErrorClass } from '../contract/errors.js';

/**
 * What follows from an error, by class: the one table of retries. `docs/reference/errors.md` shows it to operators.
 *
 *  agent:   a failed try of the agent step: `again` (wait and try again), `park`, or `gate` (the batch stops
 *           admitting; the job goes on at the next start)
 *  effect:  the same for an effect
 *  counts:  whether the try uses up the job's budget of sessions
 *  baseMs, capMs: backoff doubles from base to cap, with full jitter
 */
interface Rule {
  readonly agent: 'again' | 'park' | 'gate';
  readonly effect: 'again' | 'park' | 'hold' | 'gate';
  readonly counts: boolean;
  readonly baseMs: number;
  readonly capMs: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const RETRY_RULES: Readonly<Record<ErrorClass, Rule>> = {
  transient: { agent: 'again', effect: 'again', counts: true, baseMs: 2 * SECOND, capMs: 5 * MINUTE },
  throttled: { agent: 'again', effect: 'again', counts: false, baseMs: 30 * SECOND, capMs: 10 * MINUTE },
  exhausted: { agent: 'gate', effect: 'gate', counts: false, baseMs: 10 * MINUTE, capMs: 60 * MINUTE },
  auth: { agent: 'gate', effect: 'gate', counts: false, baseMs: 0, capMs: 0 },
  config: { agent: 'gate', effect: 'gate', counts: false, baseMs: 0, capMs: 0 },
  invalid: { agent: 'park', effect: 'park', counts: true, baseMs: 0, capMs: 0 },
  rejected: { agent: 'again', effect: 'park', counts: true, baseMs: 1 * SECOND, capMs: 30 * SECOND },
  budget: { agent: 'park', effect: 'park', counts: false, baseMs: 0, capMs: 0 },
  unknown: { agent: 'again', effect: 'again', counts: true, baseMs: 2 * SECOND, capMs: 1 * MINUTE },
  lost: { agent: 'again', effect: 'again', counts: true, baseMs: 1 * SECOND, capMs: 1 * MINUTE },
  timeout: { agent: 'again', effect: 'again', counts: true, baseMs: 2 * SECOND, capMs: 1 * MINUTE },
  conflict: { agent: 'park', effect: 'hold', counts: false, baseMs: 0, capMs: 0 },
  bug: { agent: 'again', effect: 'again', counts: true, baseMs: 2 * SECOND, capMs: 1 * MINUTE },
};

/** Tries of one effect within one run, requests without an answer included, before a person is asked. */
export const EFFECT_TRIES_MAX = 12;

export type Next =
  | { readonly kind: 'again'; readonly delayMs: number }
  | { readonly kind: 'park'; readonly why: string }
  | { readonly kind: 'hold'; readonly why: string }
  | { readonly kind: 'gate'; readonly why: string };

/**
 * After a failed session.
 * @param failures classes of all sessions that failed since the job got its budget, the present one last
 * @param sessionsMax the job's budget of sessions
 * @param jitter from 0 to 1
 */
export function afterSession(
  errorClass: ErrorClass,
  failures: readonly ErrorClass[],
  sessionsMax: number,
  jitter: number,
  hintMs = 0,
): Next {
  const rule = RETRY_RULES[errorClass];
  if (rule.agent === 'park') return { kind: 'park', why: `${errorClass}: trying again would not help` };
  if (rule.agent === 'gate')
    return { kind: 'gate', why: `${errorClass}: no job can go on before this is put right` };
  const used = failures.filter((failure) => RETRY_RULES[failure].counts).length;
  if (rule.counts && used >= sessionsMax)
    return { kind: 'park', why: `all ${sessionsMax} sessions of its budget are used` };
  return { kind: 'again', delayMs: backoffMs(rule, Math.max(1, failures.length), jitter, hintMs) };
}

/**
 * After a failed try of an effect whose outcome is known to be "not there", or that will be looked up first.
 * @param tries tries so far in this run, the present one included
 */
export function afterEffect(errorClass: ErrorClass, tries: number, jitter: number, hintMs = 0): Next {
  const rule = RETRY_RULES[errorClass];
  switch (rule.effect) {
    case 'park':
      return { kind: 'park', why: `${errorClass}: trying again would not help` };
    case 'hold':
      return { kind: 'hold', why: 'a person has to decide' };
    case 'gate':
      return { kind: 'gate', why: `${errorClass}: no effect can land before this is put right` };
    case 'again':
      if (tries >= EFFECT_TRIES_MAX) return { kind: 'park', why: `${tries} tries failed` };
      return { kind: 'again', delayMs: backoffMs(rule, tries, jitter, hintMs) };
  }
}

/** Full jitter: anywhere between nothing and the doubled step, so that siblings never march in step. The hint is a lower bound. */
function backoffMs(rule: Rule, failures: number, jitter: number, hintMs: number): number {
  const step = Math.min(rule.capMs, rule.baseMs * 2 ** Math.min(failures - 1, 20));
  // Temporal takes a delay of 0 for "none given" and would use its own policy.
  return Math.max(1, Math.round(hintMs * (1 + 0.2 * jitter)), Math.round(step * jitter));
}
