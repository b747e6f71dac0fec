import type { LaneLimits, Priority } from '../../contract/limits.js';
import { MINUTE_MS, SECOND_MS } from '../../contract/units.js';
import { ceiling } from './declared.js';
import { without, type LaneNote, type LaneState } from './state.js';

/**
 * How much later than its neighbours a request may arrive at the service after its slot: waking late, connecting,
 * the way there. N slots are spread over the window and this, so that N + 1 never arrive within one window.
 */
export const DELIVERY_MS = 250;

/** Of that, what may pass before the request leaves; whoever wakes later has lost the slot. */
export const LATE_MAX_MS = 100;

/** How far ahead slots are given: who is less urgent asks again, and those more urgent come in between. */
const AHEAD_MAX_MS: Readonly<Record<Priority, number>> = {
  bulk: 2 * SECOND_MS,
  normal: 8 * SECOND_MS,
  urgent: 20 * SECOND_MS,
};

/** Multiplicative decrease, additive increase: https://doi.org/10.1016/0169-7552(89)90019-6 (Chiu and Jain, 1989). */
const DECREASE = 0.5;
const INCREASE = 0.01;

/** One request in two minutes: slower would look like standing still. */
const PER_SECOND_MIN = 1 / 120;

/**
 * Slower than this nobody was too fast: it is what the beginning of a batch, or a batch of few jobs, looks like. A service
 * that bears less says so again, and each time the rate is halved.
 */
const BEFORE_MIN = 1;

/**
 * Without a hint: doubled for each time in a row. Short, for the rate is halved as well, and a service that wants more
 * says so again.
 */
const PAUSE_MS = 2 * SECOND_MS;
const PAUSE_MAX_MS = 10 * MINUTE_MS;

/** Milliseconds between two slots of what was declared; 0 without a limit. */
export function declaredSpacing({ requestsPerSecond, requestsPerMinute }: LaneLimits): number {
  return Math.max(
    requestsPerSecond === undefined ? 0 : (SECOND_MS + DELIVERY_MS) / requestsPerSecond,
    requestsPerMinute === undefined ? 0 : (MINUTE_MS + DELIVERY_MS) / requestsPerMinute,
  );
}

/** Milliseconds between two slots: of what was declared and what was learnt, the slower. 0 without a limit. */
export const spacing = (state: LaneState, now: number): number =>
  Math.max(
    declaredSpacing(ceiling(state, now)),
    state.learnt === undefined ? 0 : SECOND_MS / state.learnt.perSecond,
  );

/** A slot at a time by the ledger's clock, or how many milliseconds later to ask again. */
export type Slot =
  | {
      readonly kind: 'at';
      readonly at: number;
      /** As the lane had them when it was given. */
      readonly complaints: number;
    }
  | { readonly kind: 'later'; readonly delayMs: number };

/** Gives the next slot, unless it is further ahead than that priority may reserve. */
export function reserve(state: LaneState, priority: Priority, now: number): { state: LaneState; slot: Slot } {
  const apart = spacing(state, now);
  const from = Math.max(now, state.notBefore);
  const at = apart === 0 ? from : Math.max(from, state.slotAt);
  const tooFar = at - from - AHEAD_MAX_MS[priority];
  if (tooFar > 0 || from - now > AHEAD_MAX_MS.urgent) {
    const delayMs = Math.max(1, Math.ceil(from - now + Math.max(0, tooFar)));
    return { state, slot: { kind: 'later', delayMs } };
  }
  const slot = { kind: 'at', at, complaints: complaintsOf(state) } as const;
  return { state: apart === 0 ? state : { ...state, slotAt: at + apart }, slot };
}

/** Whether a slot that was given out ahead still counts: the service may have asked for patience meanwhile. */
export const stillCounts = (
  { at, complaints }: Omit<Extract<Slot, { kind: 'at' }>, 'kind'>,
  state: LaneState,
): boolean => at >= state.notBefore && complaints === complaintsOf(state);

const complaintsOf = ({ complaints = 0 }: LaneState): number => complaints;

/**
 * The service asked for patience: nobody sends before that, and slower from then on. Refusals that come in while
 * everybody waits already belong to the same episode and lengthen the wait only.
 * @param perSecond what was sent lately, where nothing is declared or learnt
 */
export function throttled(
  state: LaneState,
  { hintMs, perSecond, why }: { hintMs: number | undefined; perSecond: number; why: string },
  now: number,
): { state: LaneState; notes: readonly LaneNote[] } {
  const sameEpisode = now < state.notBefore;
  const throttles = state.throttles + (sameEpisode ? 0 : 1);
  const pauseMs = hintMs ?? Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** Math.min(throttles - 1, 20));
  const notBefore = Math.max(state.notBefore, now + pauseMs);
  const waiting = { ...state, throttles, notBefore };
  if (sameEpisode) return { state: waiting, notes: [] };
  const apart = spacing(state, now);
  const before = apart === 0 ? Math.max(BEFORE_MIN, perSecond) : SECOND_MS / apart;
  const learnt = {
    perSecond: Math.max(PER_SECOND_MIN, before * DECREASE),
    before: state.learnt?.before ?? before,
  };
  const slotAt = Math.max(notBefore, Math.min(state.slotAt, now)); // slots given out before are not kept: `stillCounts`
  const complaints = complaintsOf(state) + 1;
  const first = state.learnt === undefined;
  return {
    state: { ...waiting, learnt, slotAt, complaints },
    notes: first ? [{ what: 'slowed', cause: 'throttled', why, retryAt: notBefore }] : [],
  };
}

/** Requests without complaint: a little faster, up to what was declared, or to twice what was once too fast. */
export function speedUp(state: LaneState, requests: number, now: number): LaneState {
  if (requests === 0) return state;
  const { learnt } = state;
  const calm = state.throttles === 0 || now < state.notBefore ? state : { ...state, throttles: 0 };
  if (learnt === undefined) return calm;
  const perSecond = learnt.perSecond + requests * INCREASE * learnt.before;
  const declared = declaredSpacing(ceiling(state, now));
  const top = declared === 0 ? 2 * learnt.before : SECOND_MS / declared;
  return perSecond >= top ? without(calm, 'learnt') : { ...calm, learnt: { ...learnt, perSecond } };
}
