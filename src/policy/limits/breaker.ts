import type { ErrorClass } from '../../contract/errors.js';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../contract/units.js';
import { isoTime } from '../back-at.js';
import { without, type Gate, type GateCause, type LaneNote, type LaneState } from './state.js';

const WINDOW_MS = 60 * SECOND_MS;
/** Opens at half of at least so many calls in a window … */
const CALLS_MIN = 20;
const SHARE = 0.5;
/** … or at so many failures in a row … */
const STREAK = 10;
/** … or, in a night of few calls, at so many in a row by different jobs. */
const JOBS = 5;

const PAUSE_MS = 30 * SECOND_MS;
const PAUSE_MAX_MS = 10 * MINUTE_MS;
/** A person has to put credentials right; the lane finds out by itself that it was done. */
const AUTH_PAUSE_MS = 5 * MINUTE_MS;
/** Where the service does not say when a quota comes back. */
const EXHAUSTED_PAUSE_MS = 60 * MINUTE_MS;
/** Longer than jobs that wait come late: whoever is the first to ask after it finds trouble anew. */
const UNASKED_MS = HOUR_MS;
/** A probe that has not been answered by then died with its worker. */
const PROBE_MS = 2 * MINUTE_MS;
/** After a probe that found out nothing. */
const INCONCLUSIVE_PAUSE_MS = 30 * SECOND_MS;
/** While somebody else probes. */
const PROBED_WAIT_MS = 10 * SECOND_MS;
/** Whose call failed waits so much longer than those who ask meanwhile. */
const AFTER_OTHERS = 1.1;

/** A service that takes nothing before a time of its own. */
export interface Closure {
  readonly errorClass: ErrorClass;
  /** What it said. */
  readonly why: string;
  readonly backInMs: number;
  /** Where it fails: for how long it has. */
  readonly failedForMs?: number;
}

export type Passage =
  | { readonly kind: 'go'; readonly state: LaneState }
  | {
      readonly kind: 'wait';
      readonly delayMs: number;
      readonly why: string;
      /** The service fails; else it has had enough, or refuses us. */
      readonly down: boolean;
      readonly closure?: Closure;
    };

/** How somebody asks to pass. */
export interface Asking {
  /** It is about to read only, as far as is known. */
  readonly looks?: boolean | undefined;
  /** It finds out whether it could go on, and may have to wait for something else then: whoever would send goes first. */
  readonly tentative?: boolean | undefined;
}

/**
 * Lets all through a closed circuit, nobody through an open one, and one probe through when its time has come.
 */
export function pass(
  state: LaneState,
  who: string,
  now: number,
  { looks = false, tentative = false }: Asking = {},
): Passage {
  const { gate } = state;
  if (gate === undefined) return { kind: 'go', state };
  const { probe } = gate;
  const isAhead = probe !== undefined && (tentative || probe.tentative !== true);
  if (isAhead && probe.who === who) return { kind: 'go', state };
  if (looks && gate.writesOnly) return { kind: 'go', state };
  const wait = (delayMs: number, closure?: Closure): Passage => ({
    kind: 'wait',
    delayMs: Math.ceil(delayMs),
    why: reasonOf(gate),
    down: gate.cause === 'transient',
    ...(closure && { closure }),
  });
  const backInMs = gate.retryAt - now;
  if (backInMs > 0) return wait(backInMs, closureOf(gate, now));
  if (isAhead && now < probe.until) return wait(Math.min(PROBED_WAIT_MS, probe.until - now));
  const own = { who, until: now + PROBE_MS, ...(tentative && { tentative }) };
  return { kind: 'go', state: { ...state, gate: { ...gate, probe: own } } };
}

const closureOf = ({ cause, why, retryAt, since }: Gate, now: number): Closure => ({
  errorClass: cause,
  why,
  backInMs: retryAt - now,
  ...(cause === 'transient' && { failedForMs: now - since }),
});

const CAUSES: Readonly<Record<GateCause, string>> = {
  transient: 'the service fails too often',
  auth: 'the service refuses the credentials',
  exhausted: 'the quota is used up',
};

const NEEDS_PERSON = 'the balance or a spend limit is used up, and does not come back by itself';

/** In one sentence: why it is closed to us, until when, and what the service said. */
export const reasonOf = ({
  cause,
  needsPerson,
  retryAt,
  why,
}: Pick<Gate, 'cause' | 'needsPerson' | 'retryAt' | 'why'>): string =>
  `${needsPerson ? NEEDS_PERSON : CAUSES[cause]}; next look at ${isoTime(retryAt)}: ${why}`;

interface Changed {
  readonly state: LaneState;
  readonly notes: readonly LaneNote[];
}

/** Calls that were answered; each of them ends a run of failures. */
export function answered(state: LaneState, calls: number, now: number): LaneState {
  if (calls === 0) return state;
  const window = windowAt(state, now);
  const counted = { ...state, window: { ...window, calls: window.calls + calls } };
  if (state.streak === 0) return counted;
  const calm = { ...counted, streak: 0, failedBy: [] };
  return state.failedWrites === undefined ? without(calm, 'backAt') : calm;
}

/**
 * A call that came to nothing by the fault of the service.
 * @param call.hintMs the service's own word for how long
 * @param call.isWrite it would have begun a session, or landed an effect
 */
export function failed(
  state: LaneState,
  { who, why, hintMs = 0, isWrite }: FailedCall,
  now: number,
): Changed {
  const before = windowAt(state, now);
  const window = { ...before, calls: before.calls + 1, failures: before.failures + 1 };
  const failedBy = among(state.failedBy, who);
  const writes = state.failedWrites ?? [];
  const failedWrites = isWrite ? among(writes, who) : writes;
  const backAt = Math.max(state.backAt ?? 0, now + hintMs);
  const counted = {
    ...state,
    ...{ window, failedBy, streak: state.streak + 1 },
    ...(failedWrites.length > 0 && { failedWrites }),
    ...(backAt > now && { backAt }),
  };
  const often = window.calls >= CALLS_MIN && window.failures >= SHARE * window.calls;
  const all = failedBy.length >= JOBS || (isWrite && failedWrites.length >= JOBS);
  const open = often || counted.streak >= STREAK || all;
  if (!open) return { state: counted, notes: [] };
  // Looks, which go on, are counted anew: what was counted so far were writes too.
  const known = isWrite ? uncounted(counted, now) : counted;
  const longest = backAt > now ? backAt - now : undefined;
  return openGate(known, 'transient', why, longest, now, { writesOnly: isWrite });
}

export interface FailedCall {
  readonly who: string;
  readonly why: string;
  readonly hintMs: number | undefined;
  readonly isWrite: boolean;
}

/** Of a call that was under way when the circuit opened: it may know of a later time. */
export function heldLonger(state: LaneState, hintMs: number | undefined, now: number): LaneState {
  const { gate } = state;
  if (gate?.cause !== 'transient' || gate.probe !== undefined) return state;
  const retryAt = Math.max(gate.retryAt, now + (hintMs ?? 0));
  return retryAt === gate.retryAt ? state : { ...state, gate: { ...gate, retryAt } };
}

const among = (jobs: readonly string[], who: string): readonly string[] =>
  jobs.includes(who) ? jobs : [...jobs, who].slice(-JOBS);

/** A write was answered well: those that failed before it are forgotten. */
export const writeAnswered = (state: LaneState): LaneState =>
  without(without(state, 'failedWrites'), 'backAt');

/**
 * What to tell a job whose own call failed while the service fails for several others too: it is not to blame, and is to
 * come back after those who only wait, so that the next probe is another one's.
 */
export function sharedTrouble(state: LaneState, now: number): Extract<Passage, { kind: 'wait' }> | undefined {
  const { gate, failedBy, failedWrites = [] } = state;
  if (gate?.cause !== 'transient' || Math.max(failedBy.length, failedWrites.length) < JOBS) return undefined;
  const delayMs = Math.max(1, Math.ceil(AFTER_OTHERS * (gate.retryAt - now)));
  return { kind: 'wait', delayMs, why: reasonOf(gate), down: true, closure: closureOf(gate, now) };
}

/**
 * Opens the circuit, or keeps it open for longer. One that is open stays open for the graver cause, and says no more
 * about it: what comes in late, from requests that were under way, is no news.
 * @param hintMs the service's own word for how long
 * @param how `writesOnly`: looks may go on · `needsPerson`: see `Gate`
 */
export function openGate(
  state: LaneState,
  cause: GateCause,
  why: string,
  hintMs: number | undefined,
  now: number,
  {
    writesOnly = false,
    needsPerson,
  }: { readonly writesOnly?: boolean; readonly needsPerson?: true | undefined } = {},
): Changed {
  const { gate } = state;
  const times = gate?.cause === cause ? gate.times + (gate.probe === undefined ? 0 : 1) : 1;
  const until =
    now + Math.max(hintMs ?? 0, hintMs === undefined || cause === 'transient' ? pauseOf(cause, times) : 1);
  if (gate !== undefined && gate.probe === undefined) {
    if (GRAVITY[cause] < GRAVITY[gate.cause]) return { state, notes: [] };
    const wider = gate.writesOnly && !writesOnly;
    if (cause === gate.cause && !wider) {
      const retryAt = hintMs === undefined ? gate.retryAt : Math.max(gate.retryAt, until);
      return {
        state: { ...state, gate: { ...gate, retryAt, ...(needsPerson && { needsPerson, why }) } },
        notes: [],
      };
    }
  }
  // What another cause kept closed, or nobody has asked for so long, is no part of this one's time.
  const goesOn = gate?.cause === cause && now - gate.retryAt < UNASKED_MS;
  const since = goesOn ? gate.since : now;
  const opened: Gate = {
    ...{ cause, since, retryAt: until, times, why },
    ...(writesOnly && { writesOnly }),
    ...(needsPerson && { needsPerson }),
  };
  const news = gate?.cause !== cause;
  return {
    state: { ...state, gate: opened },
    notes: news ? [{ what: 'opened', cause, why, retryAt: until }] : [],
  };
}

const GRAVITY: Readonly<Record<GateCause, number>> = { transient: 0, auth: 1, exhausted: 2 };

function pauseOf(cause: GateCause, times: number): number {
  if (cause === 'auth') return AUTH_PAUSE_MS;
  if (cause === 'exhausted') return EXHAUSTED_PAUSE_MS;
  return Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** Math.min(times - 1, 20));
}

/**
 * The probe came back well: the circuit closes, and what was counted before is forgotten. Not so the failed writes: the
 * probe may have been a mere look.
 */
export function closeGate(state: LaneState, now: number): Changed {
  const { gate } = state;
  if (gate === undefined) return { state, notes: [] };
  return {
    state: uncounted(without(without(state, 'gate'), 'backAt'), now),
    notes: [{ what: 'closed', cause: gate.cause, why: `a request was answered after: ${gate.why}` }],
  };
}

const uncounted = (state: LaneState, now: number): LaneState => ({
  ...state,
  window: { from: now, calls: 0, failures: 0 },
  streak: 0,
  failedBy: [],
});

/** The probe found out nothing, by no fault of the service. @param pauseMs until another one may pass */
export function giveUpProbe(state: LaneState, now: number, pauseMs = INCONCLUSIVE_PAUSE_MS): LaneState {
  if (state.gate === undefined) return state;
  const gate = { ...state.gate, retryAt: now + pauseMs };
  delete gate.probe;
  return { ...state, gate };
}

const windowAt = ({ window }: LaneState, now: number): LaneState['window'] =>
  now - window.from < WINDOW_MS ? window : { from: now, calls: 0, failures: 0 };
