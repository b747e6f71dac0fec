import { SECOND_MS } from '../../contract/units.js';
import type { LaneId, Ledger } from '../../ledger/ledger.js';
import { spacing, reserve, stillCounts, type Slot } from '../../policy/limits/rate.js';
import { pass, type Closure, type Passage } from '../../policy/limits/breaker.js';
import { declare } from '../../policy/limits/declared.js';
import { settle, type LaneReport } from '../../policy/limits/report.js';
import type { LaneState, LaneUser } from '../../policy/limits/state.js';
import { SharedClock } from './shared-clock.js';

export type Turn =
  | Slot
  | {
      readonly kind: 'closed';
      readonly delayMs: number;
      readonly why: string;
      readonly closure: Closure | undefined;
      /** The service fails. */
      readonly down: boolean;
    };

/** How far back requests are counted to tell how fast they were sent. */
const MEASURE_MS = 10_000;

/** A session that is only watched asks nobody whether it may begin: its process looks so often at most. */
const KNOWN_FOR_MS = 10_000;

/** Answers are told by themselves, where a lane is in trouble, so often at most. */
const ANSWERS_TOLD_MS = 1000;

type Counts = Required<Pick<LaneReport, 'answers' | 'sent'>>;

/** What is asked of the lane for one request. */
export interface TurnRequest {
  readonly user: LaneUser;
  /** Whether a lane in such a state lets it through. */
  readonly passes: (state: LaneState, now: number) => Passage;
}

/** @param fresh it costs or changes something */
export const turnToSend = (user: LaneUser, fresh: boolean): TurnRequest => ({
  user,
  passes: (state, now) => pass(state, user.who, now, { looks: !fresh }),
});

/** Of a request that ends a session: a closed lane lets it through, and it is nobody's probe. */
export const turnToEnd = (user: LaneUser): TurnRequest => ({
  user: { ...user, priority: 'urgent' },
  passes: (state) => ({ kind: 'go', state }),
});

/** A request that waits for its slot. */
interface Asker extends TurnRequest {
  readonly answer: (turn: Promise<Turn>) => void;
}

/**
 * What this process knows of one lane, shared by all who use it here. Turns that are asked for while the ledger is
 * busy with one are reserved together, in one transaction.
 */
export class LaneBook {
  readonly clock = new SharedClock();
  private seen: LaneState | undefined;
  private answers = 0;
  private untold = 0;
  private toldAt = 0;
  private sent: number[] = [];
  private lookedAt = -Infinity;
  private looking: Promise<unknown> | undefined;
  private asking: Asker[] = [];
  private busy = false;

  constructor(
    readonly lane: LaneId,
    private readonly ledger: Ledger,
  ) {}

  /** The state as last seen; other processes may have changed it. */
  get state(): LaneState | undefined {
    return this.seen;
  }

  /** True while requests must ask the ledger: something is declared, learnt or closed. */
  get isGuarded(): boolean {
    const { seen } = this;
    if (seen === undefined) return false;
    const now = this.clock.nowMs();
    return seen.gate !== undefined || seen.notBefore > now || spacing(seen, now) > 0;
  }

  countSent(): void {
    const now = performance.now();
    this.untold++;
    this.sent.push(now);
    if (this.sent.length > 1000 || (this.sent[0] ?? now) < now - 2 * MEASURE_MS)
      this.sent = this.sent.filter((at) => at > now - MEASURE_MS);
  }

  /** Asks for a slot, together with all others of this process that ask meanwhile. */
  turn(request: TurnRequest): Promise<Turn> {
    return new Promise((resolve) => {
      this.asking.push({ ...request, answer: resolve });
      if (!this.busy) void this.ask();
    });
  }

  /** Whether a slot that was given out ahead may be used, by what this process has heard since. Asks nobody. */
  keeps(slot: Extract<Turn, { kind: 'at' }>, { passes }: TurnRequest): boolean {
    const { seen } = this;
    if (seen === undefined) return true;
    const passage = passes(seen, this.clock.nowMs());
    // Whoever is to be the probe has to say so.
    return passage.kind === 'go' && passage.state === seen && stillCounts(slot, seen);
  }

  private async ask(): Promise<void> {
    this.busy = true;
    while (this.asking.length > 0) {
      const asked = this.asking.splice(0);
      const counts = this.takeCounts();
      const turns = this.change((before, now) => {
        const told = settle(before, { who: '', ...counts }, now);
        let { state } = told;
        const result = asked.map(({ user, passes }): Turn => {
          const passage = passes(declare(state, user, now), now);
          if (passage.kind === 'wait') {
            const { delayMs, why, closure, down } = passage;
            return { kind: 'closed', delayMs, why, closure, down };
          }
          const reserved = reserve(passage.state, user.priority, now);
          state = reserved.state;
          return reserved.slot;
        });
        return { state, result, notes: told.notes };
      });
      await turns.catch(() => this.giveBack(counts)); // who asked gets the error
      asked.forEach(({ answer }, index) => {
        answer(
          turns.then((given) => {
            const turn = given[index];
            if (turn === undefined) throw new Error('a turn was asked for and not given');
            return turn;
          }),
        );
      });
    }
    this.busy = false;
  }

  /** Books an answer without complaint; told to the ledger only where somebody waits to hear it. */
  async answered(who: string, written = false): Promise<void> {
    this.answers++;
    const { seen } = this;
    if (seen === undefined) return;
    const probing = seen.gate?.probe?.who === who;
    const troubled = seen.streak > 0;
    const due = performance.now() - this.toldAt > ANSWERS_TOLD_MS;
    const news = written && (probing || seen.failedWrites !== undefined);
    if (probing || news || (troubled && due)) await this.tell({ who, ...(news && { written }) });
  }

  async wentWrong(who: string, error: Omit<NonNullable<LaneReport['error']>, 'perSecond'>): Promise<void> {
    const now = performance.now();
    const lately = this.sent.filter((at) => at > now - MEASURE_MS);
    const measuredMs = Math.max(SECOND_MS, now - (lately[0] ?? now));
    await this.tell({ who, error: { ...error, perSecond: lately.length / (measuredMs / SECOND_MS) } });
  }

  private async tell(report: Omit<LaneReport, 'answers' | 'sent'>): Promise<void> {
    const counts = this.takeCounts();
    try {
      await this.change((state, now) => ({
        ...settle(state, { ...report, ...counts }, now),
        result: undefined,
      }));
    } catch (error) {
      this.giveBack(counts);
      throw error;
    }
  }

  private takeCounts(): Counts {
    const counts = { answers: this.answers, sent: this.untold };
    this.answers = this.untold = 0;
    this.toldAt = performance.now();
    return counts;
  }

  private giveBack({ answers, sent }: Counts): void {
    this.answers += answers;
    this.untold += sent;
  }

  /** Learns what other processes, or one before this, have found out; not for each request anew. */
  async refresh(): Promise<void> {
    if (performance.now() - this.lookedAt < KNOWN_FOR_MS) return;
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    await this.looking;
  }

  /** @returns undefined while the ledger knows nothing of the lane */
  async look(): Promise<LaneState | undefined> {
    const called = performance.now();
    const found = await this.ledger.lane(this.lane.id);
    this.lookedAt = called; // only now: whoever asks meanwhile waits for the answer too
    if (found === undefined) return undefined;
    this.clock.told(found.nowMs, called, performance.now());
    this.seen = found.state;
    return found.state;
  }

  /** Changes the lane for all processes, and remembers what it is then. */
  async change<T>(
    decide: Parameters<typeof this.ledger.changeLane<T>>[1],
    holder?: Parameters<typeof this.ledger.changeLane<T>>[2],
  ): Promise<T> {
    const called = performance.now();
    const { result, state, nowMs } = await this.ledger.changeLane<T>(this.lane, decide, holder);
    this.lookedAt = called;
    this.clock.told(nowMs, called, performance.now());
    this.seen = state;
    return result;
  }
}
