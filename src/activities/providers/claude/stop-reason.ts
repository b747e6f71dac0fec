import type { SessionProgress } from '../provider.js';
import type { JudgeOptions } from '../managed/ruling.js';
import { saidText } from '../managed/said.js';
import type { SessionEvent } from './replies.js';
import { rulingOfSession } from './rulings.js';

type Failed = Extract<SessionProgress, { kind: 'failed' }>;

/** What the newest events of a session, newest first, say about its turn. */
export type Turn =
  | { readonly kind: 'none' }
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly idle: SessionEvent }
  | { readonly kind: 'interrupted' };

/**
 * Events decide: for seconds after its end a session may still be shown as running, or as idle before its start. A turn
 * that is interrupted says "end_turn" as one does that came to its end: only what it said before the interrupt counts.
 */
export function turnOf(newestFirst: readonly SessionEvent[]): Turn {
  const kickoff = newestFirst.findIndex(({ type }) => type === 'user.message');
  if (kickoff === -1) return { kind: 'none' };
  const pending = typeof newestFirst[kickoff]?.processed_at !== 'string';
  if (pending) return { kind: 'running' };
  const since = newestFirst.slice(0, kickoff);
  const interrupt = since.findLastIndex(({ type }) => type === 'user.interrupt');
  const idle = since.slice(interrupt + 1).find(({ type }) => type === 'session.status_idle');
  if (idle) return { kind: 'ended', idle };
  return interrupt === -1 ? { kind: 'running' } : { kind: 'interrupted' };
}

/** Why a turn ended, where it is not what its caller has to look into. */
export function progressAtEnd(
  { stop_reason, stop_details }: SessionEvent,
  { secrets }: JudgeOptions,
): SessionProgress | 'requires_action' | 'retries_exhausted' {
  switch (stop_reason?.type) {
    case 'end_turn':
      return { kind: 'succeeded' };
    case 'budget_reached':
      return failed('budget', 'the session stopped at its budget; see budget of the agent');
    case 'refusal': {
      const category = saidText(stop_details?.category ?? '', secrets);
      return failed('rejected', `the agent refused${category === '' ? '' : ` (${category})`}`);
    }
    case 'requires_action':
    case 'retries_exhausted':
      return stop_reason.type;
    default: {
      // A new word ends no session; the deadline does.
      const word = saidText(stop_reason?.type ?? 'none', secrets);
      return { kind: 'running', nextPollMs: 30_000, note: `idle, stop reason ${word} is not known` };
    }
  }
}

/**
 * The error that a session gave up for: the newest that the service did not say it was trying again after, for of what it
 * got over it did not end. Where it says so of all of them, the newest.
 * Source: `BetaManagedAgentsRetryStatusRetrying` in the types of @anthropic-ai/sdk 1.12.0.
 */
export const endedBy = (newestFirst: readonly SessionEvent[]): SessionEvent | undefined =>
  newestFirst.find(({ error }) => error?.retry_status?.type !== 'retrying') ?? newestFirst[0];

/** What the last error of a session that gave up means. */
export function failedBy(event: SessionEvent | undefined, what: string, options: JudgeOptions): Failed {
  const { type = '', message = '' } = event?.error ?? {};
  const { errorClass } = rulingOfSession(type, options);
  const said = [type, message].filter((part) => part !== '').map((part) => saidText(part, options.secrets));
  return failed(errorClass, said.length === 0 ? what : `${what}: ${said.join(': ')}`);
}

const failed = (errorClass: Failed['errorClass'], message: string): Failed => ({
  kind: 'failed',
  errorClass,
  message,
});
