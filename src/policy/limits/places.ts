import { PRIORITIES, type LaneLimits, type Priority } from '../../contract/limits.js';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../contract/units.js';
import { longer } from '../longer.js';
import { MICROS } from '../money.js';
import { pass, type Asking, type Closure } from './breaker.js';
import { ceiling, countsSessions, declare } from './declared.js';
import type { LaneState, LaneUser } from './state.js';

/** Tokens of the coming minute may be given out at once: a minute is what the limit counts by. */
const TOKENS_AHEAD_MS = MINUTE_MS;

/** What services count spending by. Nothing of it is given out ahead, so that the limit holds in any ten minutes. */
const SPEND_WINDOW_MS = 10 * MINUTE_MS;

/** Nobody tells any more of a session that began so long ago. */
const UNHEARD_MS = 2 * DAY_MS;

/** Shorter waits are left to the requests themselves. */
const SHORT_MS = 5 * SECOND_MS;

/** While all places are taken: the first wait. */
const PLACE_WAIT_MS = 5 * SECOND_MS;
/** Waiting counts as urgent for so long after the next try was due. */
const WAITING_GRACE_MS = 10 * SECOND_MS;

/** How much the newest session weighs in a mean. */
const MEAN_WEIGHT = 0.3;

/** The places of sessions at the moment. */
export interface Places {
  readonly held: number;
  /** The user's own, from an earlier try. */
  readonly mine?: { readonly tokens: number };
}

export type Entry =
  | { readonly kind: 'go'; readonly state: LaneState; readonly place?: { readonly tokens: number } }
  | {
      readonly kind: 'wait';
      readonly state: LaneState;
      readonly delayMs: number;
      readonly why: string;
      readonly down: boolean;
      /** Where it is the service that takes nothing, and no limit that leaves no room. */
      readonly closure?: Closure;
    };

/**
 * Whether a step that uses the lane may begin now.
 * @param places undefined for steps that take none
 * @param waits how often it was told to wait before
 * @param jitter from 0 to 1
 */
export function enter(
  before: LaneState,
  user: LaneUser,
  now: number,
  places?: Places,
  { waits = 0, jitter = 0, ...asking }: Asking & { readonly waits?: number; readonly jitter?: number } = {},
): Entry {
  const state = declare(before, user, now);
  const wait = (
    delayMs: number,
    why: string,
    as: LaneState = state,
    down = false,
    closure?: Closure,
  ): Entry => ({
    kind: 'wait',
    state: as,
    delayMs: Math.max(1, Math.ceil(delayMs)),
    why,
    down,
    ...(closure && { closure }),
  });

  const passage = pass(state, user.who, now, asking);
  if (passage.kind === 'wait')
    return wait(passage.delayMs * (1 + 0.05 * jitter), passage.why, state, passage.down, passage.closure);
  const pause = state.notBefore - now;
  if (pause > SHORT_MS) {
    const why = 'the service asked for patience';
    const closure = { errorClass: 'throttled', why, backInMs: pause } as const;
    return wait(pause * (1 + 0.1 * jitter), why, state, false, closure);
  }
  if (places === undefined) return { kind: 'go', state: passage.state };

  const limits = ceiling(state, now);
  if (!countsSessions(limits)) return { kind: 'go', state: passage.state };
  const { sessions, tokensPerMinute, spendPer10Min } = limits;
  if (places.mine !== undefined) return { kind: 'go', state: passage.state, place: places.mine };

  const full = sessions !== undefined && places.held >= sessions;
  const urgent = moreUrgent(state, user.priority, now);
  const debt = tokensPerMinute === undefined ? 0 : state.tokensAt - now - TOKENS_AHEAD_MS;
  const spendDebt = spendPer10Min === undefined ? 0 : (state.spendAt ?? 0) - now;
  const unknown = places.held === 0 ? undefined : unknownOf(state, limits);
  if (full || urgent !== undefined || debt > 0 || spendDebt > 0 || unknown !== undefined) {
    const delayMs = Math.max(debt, spendDebt, longer(PLACE_WAIT_MS, waits)) * (0.75 + 0.5 * jitter);
    const why = full
      ? `all ${sessions} places for sessions are taken`
      : urgent !== undefined
        ? `a session of priority ${urgent} goes first`
        : debt > 0
          ? `${tokensPerMinute} tokens a minute are used up`
          : spendDebt > 0
            ? `${spendPer10Min} in ten minutes are spent (limits.spendPer10Min)`
            : `${unknown} is not known yet: the first one shows it`;
    // One that came later, and asks again sooner, does not speak for the one that waits for longer.
    const until = Math.max(state.waiting[user.priority] ?? 0, now + delayMs + WAITING_GRACE_MS);
    return wait(delayMs, why, { ...state, waiting: { ...state.waiting, [user.priority]: until } });
  }
  const tokens = tokensPerMinute === undefined ? 0 : Math.round(state.tokensPerSession);
  const booked = bookTokens(passage.state, tokens, tokensPerMinute, now);
  return { kind: 'go', state: bookMean(booked, user.who, spendPer10Min, now), place: { tokens } };
}

/** What the first session has to show before others begin beside it. */
function unknownOf(
  { tokensPerSession, microsPerSession }: LaneState,
  { tokensPerMinute, spendPer10Min }: LaneLimits,
): string | undefined {
  if (tokensPerMinute !== undefined && tokensPerSession === 0) return 'how many tokens a session takes';
  return spendPer10Min !== undefined && microsPerSession === undefined ? 'what a session costs' : undefined;
}

/** A session goes on under another worker: its place is its own, whether or not its lease has ended meanwhile. */
export function attach(
  before: LaneState,
  user: LaneUser,
  now: number,
  places?: Places,
): { readonly state: LaneState; readonly place?: { readonly tokens: number } } {
  const state = declare(before, user, now);
  if (!countsSessions(ceiling(state, now))) return { state };
  return { state, place: places?.mine ?? { tokens: 0 } };
}

/** What a session has used. */
export interface Used {
  readonly tokens: number;
  /** What it cost. */
  readonly micros: number;
  /** That is known: one that delivered and told no cost counts as free, one that never ran says nothing of the next. */
  readonly isPriced: boolean;
  /** Else its start was refused, and nothing of what was booked for it is spent. */
  readonly hasRun: boolean;
}

/**
 * A session ended: books what it used beyond what was booked for it.
 * @param booked tokens
 */
export function leave(
  before: LaneState,
  who: string,
  booked: number,
  used: Used | undefined,
  now: number,
): LaneState {
  const { [who]: own, ...others } = before.microsBooked ?? {};
  const state = own === undefined ? before : { ...before, microsBooked: others };
  if (used === undefined) return state;
  const limits = ceiling(state, now);
  return leaveSpend(leaveTokens(state, booked, used, limits, now), own?.micros, used, limits, now);
}

function leaveTokens(
  state: LaneState,
  booked: number,
  { tokens }: Used,
  { tokensPerMinute }: LaneLimits,
  now: number,
): LaneState {
  if (tokensPerMinute === undefined) return state;
  // Never 0 again: that stands for a lane of which nothing is known.
  const mean = state.tokensPerSession === 0 ? Math.max(1, tokens) : meanWith(state.tokensPerSession, tokens);
  return { ...bookTokens(state, tokens - booked, tokensPerMinute, now), tokensPerSession: mean };
}

/**
 * Of one that ran, and of whose cost nobody knows, what was booked stays.
 * @param booked the mean of when it began; absent where a worker of an earlier release began it: then that of now
 */
function leaveSpend(
  state: LaneState,
  booked: number | undefined,
  { micros, isPriced, hasRun }: Used,
  { spendPer10Min }: LaneLimits,
  now: number,
): LaneState {
  if (spendPer10Min === undefined) return state;
  const { microsPerSession: mean } = state;
  if (!isPriced && hasRun) return state;
  const corrected = bookSpend(state, micros - (booked ?? mean ?? 0), spendPer10Min, now);
  if (!isPriced) return corrected;
  return { ...corrected, microsPerSession: mean === undefined ? micros : meanWith(mean, micros) };
}

const meanWith = (mean: number, newest: number): number => mean + MEAN_WEIGHT * (newest - mean);

function bookTokens(
  state: LaneState,
  tokens: number,
  tokensPerMinute: number | undefined,
  now: number,
): LaneState {
  if (tokens === 0 || tokensPerMinute === undefined) return state;
  return { ...state, tokensAt: Math.max(state.tokensAt, now) + (tokens / tokensPerMinute) * MINUTE_MS };
}

function bookSpend(state: LaneState, micros: number, spendPer10Min: number, now: number): LaneState {
  if (micros === 0) return state;
  const tookMs = (micros / (spendPer10Min * MICROS)) * SPEND_WINDOW_MS;
  return { ...state, spendAt: Math.max(state.spendAt ?? 0, now) + tookMs };
}

/** Books the mean for a session that begins, and notes how much that was: by its end the mean may be another. */
function bookMean(state: LaneState, who: string, spendPer10Min: number | undefined, now: number): LaneState {
  if (spendPer10Min === undefined) return state;
  const micros = state.microsPerSession ?? 0;
  // Of a session whose job nobody came back to no end is heard.
  const heard = Object.entries(state.microsBooked ?? {}).filter(([, { at }]) => now - at < UNHEARD_MS);
  const microsBooked = { ...Object.fromEntries(heard), [who]: { micros, at: now } };
  return { ...bookSpend(state, micros, spendPer10Min, now), microsBooked };
}

/** Priorities are listed from the most urgent. */
function moreUrgent(state: LaneState, priority: Priority, now: number): Priority | undefined {
  const above = PRIORITIES.slice(0, PRIORITIES.indexOf(priority));
  return above.find((other) => (state.waiting[other] ?? 0) > now);
}
