import type { ErrorClass } from '../../../contract/errors.js';
import { byStatus } from '../managed/judge.js';
import type { JudgeOptions, Meanings, Ruling } from '../managed/ruling.js';
import { limitHintMs, waitHintMs } from '../managed/wait-hint.js';

/** What an error of the service says about itself. */
export interface ClaudeFault {
  /** Such as `rate_limit_error`. */
  readonly type?: string;
  /** `details.error_code`, such as `enforced_spend_limit_reached`. */
  readonly code?: string;
  readonly message: string;
}

/** Codes that say more than their status. Source: platform.claude.com, reference of managed agents, errors. */
const CODES: Readonly<Record<string, ErrorClass>> = {
  organization_on_hold: 'auth',
  environment_archived: 'auth',
  cmek_key_disabled: 'auth',
  cmek_key_unreachable: 'transient',
  contract_spend_limit_reached: 'exhausted',
  enforced_spend_limit_reached: 'exhausted',
  ramp_limit_exceeded: 'throttled',
  billing_error: 'exhausted',
};

/** What an answer outside 2xx means. */
export function rulingOf(
  status: number,
  { type = '', code = '', message }: ClaudeFault,
  headers: unknown,
  meanings: Meanings,
  { extraErrorCodes, maxThrottleMs, now }: JudgeOptions,
): Ruling {
  const special = own(extraErrorCodes, code) ?? own(extraErrorCodes, type);
  const said =
    special ?? own(CODES, code) ?? own(CODES, type) ?? (USED_UP.test(message) ? 'exhausted' : undefined);
  // Events to a session whose budget is used up are refused as invalid.
  const spent = status === 400 && /\bbudget\b/i.test(message) && /reach|exceed|used up|spent/i.test(message);
  const errorClass = said ?? (spent ? 'budget' : (meanings[status] ?? byStatus(status)));
  if (errorClass === 'exhausted') return { errorClass, ...resetIn(message, now) };
  const hint = (errorClass === 'throttled' ? limitHintMs : waitHintMs)(headers, [], now);
  if (hint === undefined || (errorClass !== 'throttled' && errorClass !== 'transient')) return { errorClass };
  const tooLong = errorClass === 'throttled' && special === undefined && hint > maxThrottleMs;
  return { errorClass: tooLong ? 'exhausted' : errorClass, retryAfterMs: hint };
}

/** Limits of an organisation or workspace, and an empty balance, are also told by a plain 400. */
const USED_UP = /\bAPI usage limits\b|credit balance is too low/i;

/** The one place where the end of a spend limit is told: "You will regain access on 2026-12-01 at 00:00 UTC." */
function resetIn(message: string, now: Date): { retryAfterMs?: number } {
  const [, day, time] = /regain access on (\d{4}-\d{2}-\d{2}) at (\d{2}:\d{2}) UTC/i.exec(message) ?? [];
  const ms = Date.parse(`${day}T${time}:00Z`) - now.getTime();
  return Number.isFinite(ms) && ms > 0 ? { retryAfterMs: ms } : {};
}

/**
 * What the last `session.error` of a session that gave up means.
 * Source: `BetaManagedAgentsSessionErrorEvent` in the types of @anthropic-ai/sdk 1.12.0.
 */
export function rulingOfSession(type: string, { extraErrorCodes }: JudgeOptions): Ruling {
  const special = own(extraErrorCodes, type);
  if (special !== undefined) return { errorClass: special };
  if (type === 'billing_error') return { errorClass: 'exhausted' };
  if (type === 'model_rate_limited_error') return { errorClass: 'throttled' };
  if (type === 'model_overloaded_error' || type === 'model_request_failed_error')
    return { errorClass: 'transient' };
  return { errorClass: 'rejected' };
}

const own = (table: Readonly<Record<string, ErrorClass>>, name: string): ErrorClass | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
