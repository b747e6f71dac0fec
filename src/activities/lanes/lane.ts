/**
 * The lane of one account at one service, as one user of it: a session or an effect.
 *
 *  LN1. No request of a limited lane leaves before its slot, or long after it: slots are given out by the ledger to all
 *       processes together, and one that was overslept is lost.
 *  LN2. A lane with nothing declared, learnt or closed costs no ledger call for a request, but for one read in ten
 *       seconds by which a process hears what the others have found out, and one before each request that costs or
 *       changes something.
 *  LN3. `enter` never sleeps and `turn` only shortly: long waits are left to durable timers.
 *  LN4. What ends a session comes before all else and is held back for a while only, by limits but by no closed lane: until
 *       it has left, the session costs.
 *  LN5. A slot is given up where the lane has closed, or the service has asked for patience, since it was given out: as far
 *       as this process has heard, and for what costs or changes something as far as the ledger has.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AdapterError } from '../../contract/errors.js';
import type { LaneId, Ledger } from '../../ledger/ledger.js';
import { sharedTrouble, type Closure } from '../../policy/limits/breaker.js';
import { attach, enter, leave, type Entry, type Used } from '../../policy/limits/places.js';
import { ceiling, countsSessions, declare } from '../../policy/limits/declared.js';
import { declaredSpacing, LATE_MAX_MS } from '../../policy/limits/rate.js';
import type { LaneUser } from '../../policy/limits/state.js';
import { LaneBook, turnToEnd, turnToSend, type Turn } from './lane-book.js';
import { PLACE_LEASE_MS, PlaceKeeper } from './place-keeper.js';

/** A turn further away than this is an error, so that the caller can wait elsewhere. */
const TURN_MAX_MS = 30_000;

/** Code of errors that the lane itself made; they tell nothing of the service. */
export const LANE_CLOSED = 'lane-closed';

export type LaneEntry = { readonly kind: 'go' } | LaneWait;

export interface LaneWait {
  readonly kind: 'wait';
  readonly delayMs: number;
  readonly why: string;
  /** Because the service fails, not for a limit or a quota. */
  readonly down: boolean;
  /** Where it is the service that takes nothing, and no limit that leaves no room. */
  readonly closure?: Closure;
}

/** What the lane itself keeps back: it tells nothing of the service that is not known. */
export class LaneClosed extends AdapterError {
  constructor(
    message: string,
    readonly delayMs: number,
    readonly closure: Closure | undefined,
    /** The service fails; else it has had enough, or a limit of ours leaves no room. */
    readonly down: boolean,
  ) {
    const facts = { sent: 'no', retryAfterMs: delayMs, code: LANE_CLOSED } as const;
    super('throttled', message, facts);
  }
}

export interface Lane {
  readonly id: string;
  /**
   * Whether the step may begin, or a look that goes before it. Sessions take a place where places are limited; the same
   * user again keeps its own.
   * @param opts.waits how often it was told to wait before: waits get longer
   * @param opts.tentative see `Asking`
   */
  enter(
    kind: 'session' | 'effect' | 'look',
    opts?: { readonly waits?: number; readonly tentative?: boolean | undefined },
  ): Promise<LaneEntry>;
  /** What keeps looks away from it at the moment, if anything. Takes nothing, so whoever asks need not send. */
  closed(): Promise<LaneWait | undefined>;
  /** Goes on with a session under way: it takes its place again, also where all are taken, for it runs and costs. */
  attach(): Promise<void>;
  /** The session ended: the place that this process took for it, if any, is free. @param used absent where it is not known */
  leave(used?: Used): Promise<void>;
  /**
   * The session is still watched; call it every `KEEP_EVERY_MS`, whether or not looks at it go well. A place that was lost
   * meanwhile is taken again. Costs one ledger call a minute for a whole process.
   */
  keep(): Promise<void>;
  /**
   * Before every request.
   * @param opts.fresh it costs or changes something: what other processes have been told until now counts, too
   * @param opts.heldUntil of one that ends a session, or frees what one holds: until when, by `performance.now()`, it may
   *   be held back (LN4). What has no room by then leaves all the same.
   * @throws LaneClosed when its turn is far away
   */
  turn(signal: AbortSignal, opts?: { readonly fresh?: boolean; readonly heldUntil?: number }): Promise<void>;
  /** After every request, or every verb of an adapter: how it ended. `written`: well, and it changed something there. */
  report(outcome: 'ok' | 'written' | AdapterError): Promise<void>;
  /** After trouble was reported: what its job is told where several others have the same. */
  shared(): LaneWait | undefined;
}

/** @param user `who` must be the same for every try of the same session or effect, and different for others */
export function openLane(lane: LaneId, user: LaneUser, ledger: Ledger): Lane {
  const { books, keeper } = shared(ledger);
  const known = books.get(lane.id);
  const book = known ?? new LaneBook(lane, ledger);
  if (known === undefined) books.set(lane.id, book);
  const limitsRequests = declaredSpacing(user.limits) > 0;
  const holder = { who: user.who, batchId: user.batchId, leaseMs: PLACE_LEASE_MS };

  const takeAgain = async (): Promise<void> => {
    const taken = await book.change<boolean>((before, now, places) => {
      const attached = attach(before, user, now, places);
      return { ...attached, result: attached.place !== undefined };
    }, holder);
    if (taken) keeper.took(lane.id, user.who);
    else keeper.left(lane.id, user.who); // nobody counts places any more
  };

  return {
    id: lane.id,

    async enter(kind, { waits = 0, tentative } = {}) {
      const jitter = Math.random();
      const plain = await isPlain(book, user);
      if (plain) return { kind: 'go' };
      const isSession = kind === 'session';
      const entry = await book.change<Entry>(
        (state, now, places) => {
          const how = { waits, jitter, looks: kind === 'look', tentative };
          const result = enter(state, user, now, isSession ? places : undefined, how);
          return { state: result.state, result, place: result.kind === 'go' ? result.place : undefined };
        },
        isSession ? holder : undefined,
      );
      if (entry.kind === 'wait') return waitOf(entry);
      if (entry.place !== undefined) keeper.took(lane.id, user.who);
      return { kind: 'go' };
    },

    async closed() {
      const state = await book.look();
      const entry =
        state && enter(state, user, book.clock.nowMs(), undefined, { jitter: Math.random(), looks: true });
      return entry?.kind === 'wait' ? waitOf(entry) : undefined;
    },

    async attach() {
      if (!(await isPlain(book, user))) await takeAgain();
    },

    async leave(used) {
      if (!keeper.left(lane.id, user.who)) return;
      const state = book.state ?? (await book.look());
      if (state === undefined) return; // nobody ever limited it
      if (!countsSessions(ceiling(state, book.clock.nowMs()))) return;
      await book.change(
        (before, now, places) => ({
          state: places?.mine === undefined ? before : leave(before, user.who, places.mine.tokens, used, now),
          result: undefined,
          place: 'free',
        }),
        holder,
      );
    },

    async keep() {
      if (await keeper.isLost(lane.id, user.who)) await takeAgain();
    },

    async turn(signal, { fresh = false, heldUntil } = {}) {
      signal.throwIfAborted();
      if (!limitsRequests && !book.isGuarded) await (fresh ? book.look() : book.refresh());
      if (limitsRequests || book.isGuarded) await takeTurn(book, user, signal, { fresh, heldUntil });
      book.countSent();
    },

    async report(outcome) {
      if (outcome === 'ok' || outcome === 'written') return book.answered(user.who, outcome === 'written');
      const { errorClass, facts, message } = outcome;
      if (facts.code === LANE_CLOSED) return;
      const { retryAfterMs: hintMs, needsPerson } = facts;
      await book.wentWrong(user.who, { errorClass, hintMs, needsPerson, why: message });
    },

    shared: () => book.state && sharedTrouble(book.state, book.clock.nowMs()),
  };
}

const waitOf = ({ delayMs, why, down, closure }: Extract<Entry, { kind: 'wait' }>): LaneWait => ({
  kind: 'wait',
  delayMs: Math.ceil(delayMs),
  why,
  down,
  ...(closure && { closure }),
});

/** One read tells whether there is anything to decide; a batch that declares limits has something in any case. */
async function isPlain(book: LaneBook, user: LaneUser): Promise<boolean> {
  if (Object.values(user.limits).some((limit) => limit !== undefined)) return false;
  const state = await book.look();
  if (state === undefined) return true;
  const now = book.clock.nowMs();
  return !countsSessions(ceiling(state, now)) && !book.isGuarded && declare(state, user, now) === state;
}

/** LN1, LN4, LN5. */
async function takeTurn(
  book: LaneBook,
  user: LaneUser,
  signal: AbortSignal,
  { fresh, heldUntil }: { readonly fresh: boolean; readonly heldUntil: number | undefined },
): Promise<void> {
  const ends = heldUntil !== undefined;
  const request = ends ? turnToEnd(user) : turnToSend(user, fresh);
  const giveUpAt = heldUntil ?? performance.now() + TURN_MAX_MS;
  const within = (ms: number): boolean => performance.now() + ms <= giveUpAt;
  for (;;) {
    const turn: Turn = await book.turn(request);
    if (turn.kind === 'closed') throw closed(book, turn.delayMs, turn.why, turn);
    if (turn.kind === 'later') {
      if (!within(turn.delayMs)) {
        if (ends) return;
        throw closed(book, turn.delayMs, 'its limit leaves no room sooner');
      }
      await sleep(turn.delayMs * (1 + 0.1 * Math.random()), undefined, { signal });
      continue;
    }
    if (fresh && turn.at - book.clock.nowMs() > LATE_MAX_MS) {
      // The rest of the wait is for the ledger's answer, so that the slot is not overslept.
      if (!(await slotHasCome(book, turn.at - LATE_MAX_MS, signal))) continue;
      await book.look();
    }
    if (!(await slotHasCome(book, turn.at, signal))) continue;
    if (!book.keeps(turn, request)) continue; // it is asked anew, and says why
    const lateMs = book.clock.latestMs() - turn.at;
    if (lateMs <= LATE_MAX_MS) return;
    if (!within(0)) {
      if (ends) return;
      throw closed(book, 1000, 'this worker is too busy to keep its slots');
    }
  }
}

/** @returns false where it is further away than slots are given: the clock was set back meanwhile */
async function slotHasCome({ clock }: LaneBook, at: number, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const leftMs = at - clock.nowMs();
    if (leftMs <= 0) return true;
    if (leftMs > TURN_MAX_MS) return false;
    await sleep(Math.ceil(leftMs), undefined, { signal });
  }
}

const closed = (
  { lane }: LaneBook,
  delayMs: number,
  why: string,
  { closure, down }: Pick<Extract<Turn, { kind: 'closed' }>, 'closure' | 'down'> = LIMITED,
): LaneClosed =>
  new LaneClosed(
    `nothing is sent to ${lane.label} at the moment: ${why}`,
    Math.max(1, Math.ceil(delayMs)),
    closure,
    down,
  );

const LIMITED = { closure: undefined, down: false };

/** All users of one ledger in this process share what they know. */
function shared(ledger: Ledger): { books: Map<string, LaneBook>; keeper: PlaceKeeper } {
  const known = SHARED.get(ledger);
  if (known !== undefined) return known;
  const made = { books: new Map<string, LaneBook>(), keeper: new PlaceKeeper(ledger) };
  SHARED.set(ledger, made);
  return made;
}

const SHARED = new WeakMap<Ledger, { books: Map<string, LaneBook>; keeper: PlaceKeeper }>();
