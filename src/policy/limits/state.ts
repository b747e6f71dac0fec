import type { LaneLimits, Priority } from '../../contract/limits.js';

/**
 * What all worker processes know together of one lane: one account at one service. Plain JSON; times are milliseconds
 * since the epoch by the clock of the ledger.
 */
export interface LaneState {
  /** What batches declared, by batch. The strictest counts while it is fresh. */
  readonly declared: Readonly<Record<string, Declared>>;
  /** When the next request may leave: the theoretical arrival time of a generic cell rate algorithm (GCRA). */
  readonly slotAt: number;
  /** The same for tokens, counted in whole sessions: no session starts while this is more than a minute away. */
  readonly tokensAt: number;
  /** Running mean of what a session used, booked in advance for the next one; 0 while nothing is known of it. */
  readonly tokensPerSession: number;
  /** When the next session may start for what was spent: as `slotAt`. Absent: never limited. */
  readonly spendAt?: number;
  /** Running mean of what a session cost, in micro-units; absent while nothing is known of it. */
  readonly microsPerSession?: number;
  /** What was booked of it in advance for sessions under way, by user; in micro-units. */
  readonly microsBooked?: Readonly<Record<string, { readonly micros: number; readonly at: number }>>;
  /** Nobody sends before this: the service said so. */
  readonly notBefore: number;
  /** Throttled so often in a row. */
  readonly throttles: number;
  /** So often in all: slots that were given out before the last of them are void. Absent: never. */
  readonly complaints?: number;
  /** Requests per second that the service bears, as found out. Absent: not throttled lately. */
  readonly learnt?: { readonly perSecond: number; readonly before: number };
  /** Calls of the last minute or so. */
  readonly window: { readonly from: number; readonly calls: number; readonly failures: number };
  /** Failures in a row, and by which jobs. */
  readonly streak: number;
  readonly failedBy: readonly string[];
  /** Jobs whose writes failed since one was last answered well: starts of sessions, effects. Looks say nothing of them. */
  readonly failedWrites?: readonly string[];
  /** When the service wants to be back, the latest that failures since the last answer have said. Absent: none has. */
  readonly backAt?: number;
  /** Absent: closed circuit, all may pass. */
  readonly gate?: Gate;
  /** A session of this priority waits for a place until then: lower ones do not take it. */
  readonly waiting: Readonly<Partial<Record<Priority, number>>>;
}

export interface Declared {
  readonly limits: LaneLimits;
  readonly seenAt: number;
}

/** An open or half-open circuit. */
export interface Gate {
  readonly cause: GateCause;
  /** Only writes fail there: looks pass. */
  readonly writesOnly?: true;
  /** Of `exhausted`: it does not come back by itself, as far as the service says. */
  readonly needsPerson?: true;
  /** When it began to be closed for this cause, as far as somebody went on asking. */
  readonly since: number;
  /** From then on one probe may pass. */
  readonly retryAt: number;
  /** Opened so often without closing in between. */
  readonly times: number;
  readonly why: string;
  /** Half-open: who may pass, and until when the answer is waited for. */
  readonly probe?: { readonly who: string; readonly until: number; readonly tentative?: boolean };
}

/** `transient`: it fails too often · `auth`: it refuses us · `exhausted`: the quota is used up. */
export type GateCause = 'transient' | 'auth' | 'exhausted';

/** Something that a person may want to know, written down once however many processes saw it. */
export interface LaneNote {
  readonly what: 'opened' | 'closed' | 'slowed' | 'reset';
  readonly cause?: GateCause | 'throttled';
  readonly why: string;
  /** When a probe may pass; milliseconds since the epoch. */
  readonly retryAt?: number;
}

export const NEW_LANE: LaneState = {
  declared: {},
  slotAt: 0,
  tokensAt: 0,
  tokensPerSession: 0,
  notBefore: 0,
  throttles: 0,
  window: { from: 0, calls: 0, failures: 0 },
  streak: 0,
  failedBy: [],
  waiting: {},
};

/** Whose part in a lane somebody acts. */
export interface LaneUser {
  /** Job, session or effect; the same for every try. */
  readonly who: string;
  readonly batchId: string;
  readonly limits: LaneLimits;
  readonly priority: Priority;
}

/** The state without some of its optional parts. */
export function without<K extends 'gate' | 'learnt' | 'failedWrites' | 'backAt'>(
  state: LaneState,
  part: K,
): Omit<LaneState, K> {
  const rest = { ...state };
  delete rest[part];
  return rest;
}

/** The state as it would be had all of it happened so much earlier: for a clock that was set back. */
export function movedBack(state: LaneState, ms: number): LaneState {
  const { declared, spendAt, microsBooked, window, backAt, gate, waiting } = state;
  return {
    ...state,
    declared: valuesOf(declared, ({ limits, seenAt }) => ({ limits, seenAt: seenAt - ms })),
    slotAt: state.slotAt - ms,
    tokensAt: state.tokensAt - ms,
    ...(spendAt !== undefined && { spendAt: spendAt - ms }),
    ...(microsBooked && {
      microsBooked: valuesOf(microsBooked, ({ micros, at }) => ({ micros, at: at - ms })),
    }),
    notBefore: state.notBefore - ms,
    window: { ...window, from: window.from - ms },
    ...(backAt !== undefined && { backAt: backAt - ms }),
    ...(gate && { gate: gateMovedBack(gate, ms) }),
    waiting: valuesOf(waiting, (until) => until - ms),
  };
}

const gateMovedBack = ({ probe, ...gate }: Gate, ms: number): Gate => ({
  ...gate,
  since: gate.since - ms,
  retryAt: gate.retryAt - ms,
  ...(probe && { probe: { ...probe, until: probe.until - ms } }),
});

const valuesOf = <Value, Moved>(
  record: Readonly<Record<string, Value>>,
  move: (value: Value) => Moved,
): Record<string, Moved> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, move(value)]));
