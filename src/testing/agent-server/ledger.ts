import { spentOn, standingOf, type Interaction } from './gemini/interaction.js';
import { lossOf, spansOf, spentBy, statusOf, turnsOf, type Session } from './anthropic/session.js';
import type { Surface, World } from './http/call.js';

/** What one attempt of one run has cost at one service. */
export interface RunCount {
  readonly surface: Surface;
  readonly runKey: string;
  readonly attempt: number;
  /** Interactions, or sessions whether paid or not. */
  readonly sessions: number;
  /** Interactions, or sessions with at least one paid turn: 1 where nothing was started twice. */
  readonly runs: number;
  readonly paidTurns: number;
  /** US cents so far, with fractions. */
  readonly cents: number;
  /** Still running, or a session that nobody archived. */
  readonly open: number;
}

export interface AgentLedger {
  /** Sorted by service, run key and attempt. */
  readonly runs: readonly RunCount[];
  readonly totals: Omit<RunCount, 'surface' | 'runKey' | 'attempt'>;
}

type Count = Omit<RunCount, 'surface' | 'runKey' | 'attempt'>;

const NOTHING: Count = { sessions: 0, runs: 0, paidTurns: 0, cents: 0, open: 0 };

/** Counts what was really started and paid for, whatever the caller believes. */
export function ledgerOf(world: World): AgentLedger {
  const now = world.clock.now();
  const runs = new Map<string, RunCount>();
  const book = (surface: Surface, who: { runKey: string; attempt: number }, count: Count): void => {
    const key = JSON.stringify([surface, who.runKey, who.attempt]);
    const before = runs.get(key) ?? { surface, ...who, ...NOTHING };
    runs.set(key, { ...before, ...sum(before, count) });
  };
  for (const run of world.store.list<Interaction>('interaction')) book('gemini', run.who, countOf(run, now));
  for (const session of world.store.list<Session>('session')) {
    book('anthropic', session.who, countOfSession(session, world, now));
  }
  const sorted = [...runs.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, run]) => run);
  return { runs: sorted, totals: sorted.reduce(sum, NOTHING) };
}

const sum = (a: Count, b: Count): Count => ({
  sessions: a.sessions + b.sessions,
  runs: a.runs + b.runs,
  paidTurns: a.paidTurns + b.paidTurns,
  cents: Math.round((a.cents + b.cents) * 10_000) / 10_000,
  open: a.open + b.open,
});

const countOf = (run: Interaction, now: number): Count => ({
  sessions: 1,
  runs: 1,
  paidTurns: 1,
  cents: spentOn(run, now) / 10_000,
  open: standingOf(run, now).ended ? 0 : 1,
});

function countOfSession(session: Session, world: World, now: number): Count {
  const turns = turnsOf(session, world);
  const spans = spansOf(turns);
  const gone = session.deletedAt !== undefined || now >= lossOf(spans);
  return {
    sessions: 1,
    runs: turns.length > 0 ? 1 : 0,
    paidTurns: turns.length,
    cents: spentBy(session, spans, now).micros / 10_000,
    open: gone || statusOf(session, spans, now) === 'terminated' ? 0 : 1,
  };
}
