import { PRIORITIES, type Priority } from '../../contract/limits.js';
import { MINUTE_MS, SECOND_MS } from '../../contract/units.js';
import { longer } from '../longer.js';
import { pass, type Asking, type Closure } from './breaker.js';
import { ceiling, declare } from './declared.js';
import type { LaneState, LaneUser } from './state.js';

/** Tokens of the coming minute may be given out at once: a minute is what the limit counts by. */
const TOKENS_AHEAD_MS = MINUTE_MS;

/** Shorter waits are left to the requests themselves. */
const SHORT_MS = 5 * SECOND_MS;

/** While all places are taken: the first wait. */
const PLACE_WAIT_MS = 5 * SECOND_MS;
/** Waiting counts as urgent for so long after the next try was due. */
const WAITING_GRACE_MS = 10 * SECOND_MS;

/** How much the newest session weighs in the mean of tokens. */
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

  const { sessions, tokensPerMinute } = ceiling(state, now);
  if (sessions === undefined && tokensPerMinute === undefined) return { kind: 'go', state: passage.state };
  if (places.mine !== undefined) return { kind: 'go', state: passage.state, place: places.mine };

  const full = sessions !== undefined && places.held >= sessions;
  const urgent = moreUrgent(state, user.priority, now);
  const debt = tokensPerMinute === undefined ? 0 : state.tokensAt - now - TOKENS_AHEAD_MS;
  const first = tokensPerMinute !== undefined && state.tokensPerSession === 0 && places.held > 0;
  if (full || urgent !== undefined || debt > 0 || first) {
    const delayMs = Math.max(debt, longer(PLACE_WAIT_MS, waits)) * (0.75 + 0.5 * jitter);
    const why = full
      ? `all ${sessions} places for sessions are taken`
      : urgent !== undefined
        ? `a session of priority ${urgent} goes first`
        : debt > 0
          ? `${tokensPerMinute} tokens a minute are used up`
          : 'how many tokens a session takes is not known yet: the first one shows it';
    // One that came later, and asks again sooner, does not speak for the one that waits for longer.
    const until = Math.max(state.waiting[user.priority] ?? 0, now + delayMs + WAITING_GRACE_MS);
    return wait(delayMs, why, { ...state, waiting: { ...state.waiting, [user.priority]: until } });
  }
  const tokens = tokensPerMinute === undefined ? 0 : Math.round(state.tokensPerSession);
  return {
    kind: 'go',
    state: bookTokens(passage.state, tokens, tokensPerMinute, now),
    place: { tokens },
  };
}

/** A session goes on under another worker: its place is its own, whether or not its lease has ended meanwhile. */
export function attach(
  before: LaneState,
  user: LaneUser,
  now: number,
  places?: Places,
): { readonly state: LaneState; readonly place?: { readonly tokens: number } } {
  const state = declare(before, user, now);
  const { sessions, tokensPerMinute } = ceiling(state, now);
  if (sessions === undefined && tokensPerMinute === undefined) return { state };
  return { state, place: places?.mine ?? { tokens: 0 } };
}

/** A session ended: books what it used beyond what was booked for it. */
export function leave(state: LaneState, booked: number, used: number | undefined, now: number): LaneState {
  const { tokensPerMinute } = ceiling(state, now);
  if (used === undefined || tokensPerMinute === undefined) return state;
  // Never 0 again: that stands for a lane of which nothing is known.
  const mean =
    state.tokensPerSession === 0
      ? Math.max(1, used)
      : state.tokensPerSession + MEAN_WEIGHT * (used - state.tokensPerSession);
  return { ...bookTokens(state, used - booked, tokensPerMinute, now), tokensPerSession: mean };
}

function bookTokens(
  state: LaneState,
  tokens: number,
  tokensPerMinute: number | undefined,
  now: number,
): LaneState {
  if (tokens === 0 || tokensPerMinute === undefined) return state;
  return { ...state, tokensAt: Math.max(state.tokensAt, now) + (tokens / tokensPerMinute) * MINUTE_MS };
}

/** Priorities are listed from the most urgent. */
function moreUrgent(state: LaneState, priority: Priority, now: number): Priority | undefined {
  const above = PRIORITIES.slice(0, PRIORITIES.indexOf(priority));
  return above.find((other) => (state.waiting[other] ?? 0) > now);
}
