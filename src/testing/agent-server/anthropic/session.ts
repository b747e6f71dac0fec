import { claudeMicros, centsOf } from '../agent/money.js';
import { scaled, type RunPlan, type Tokens } from '../agent/plan.js';
import type { Who } from '../draw.js';
import type { World } from '../http/call.js';
import type { Agent } from './catalogue-routes.js';

/** A session as it is stored. How it stands follows from its turns and the time. */
export interface Session {
  readonly id: string;
  readonly who: Who;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly agent: Agent;
  readonly environmentId: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly title: string | null;
  readonly budgetCents: number | null;
  readonly resources: readonly unknown[];
  readonly vaultIds: readonly string[];
  /** Lists do not show it before that. */
  readonly listedFrom: number;
  readonly archivedAt?: number;
  readonly archiveRefusedUntil?: number;
  readonly deletedAt?: number;
}

/** A `user.message` and the paid work that it starts. */
export interface Turn {
  /** Of the event. */
  readonly id: string;
  readonly sessionId: string;
  readonly receivedAt: number;
  readonly content: readonly unknown[];
  readonly prompt: string;
  readonly plan: RunPlan;
  /** Its files are listed so long after its end. */
  readonly filesLagMs: number;
  readonly interruptedAt?: number;
}

/** Another event of the user, kept as it was sent. */
export interface Note {
  readonly id: string;
  readonly at: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A turn with its times; `endAt` is Infinity for one that never ends. */
export interface Span {
  readonly turn: Turn;
  readonly startAt: number;
  readonly endAt: number;
  readonly interrupted: boolean;
}

/** GET may say `running`, and archive answers 400, for so long after the idle event. */
export const IDLE_LAG_MS = 3_000;
const INTERRUPT_LAG_MS = 1_000;
const BETWEEN_TURNS_MS = 500;
export const RESCHEDULING_MS = 20_000;

export const turnsOf = ({ id }: Pick<Session, 'id'>, { store }: Pick<World, 'store'>): Turn[] =>
  store.list('turn', id);

/** Turns run one after another, in the order in which they were sent. */
export function spansOf(turns: readonly Turn[]): Span[] {
  let freeAt = 0;
  return turns.map((turn) => {
    const startAt = Math.max(turn.receivedAt + turn.plan.queuedMs, freeAt);
    const plannedEnd = turn.plan.end === 'never' ? Infinity : startAt + turn.plan.workMs;
    const stop =
      turn.interruptedAt === undefined ? Infinity : Math.max(startAt, turn.interruptedAt + INTERRUPT_LAG_MS);
    const endAt = Math.min(plannedEnd, stop);
    freeAt = endAt + BETWEEN_TURNS_MS;
    return { turn, startAt, endAt, interrupted: stop < plannedEnd };
  });
}

export type Status = 'idle' | 'running' | 'rescheduling' | 'terminated';

export function statusOf(session: Session, spans: readonly Span[], now: number): Status {
  if (session.archivedAt !== undefined) return 'terminated';
  for (const span of spans) {
    if (isTerminal(span) && now >= span.endAt) return 'terminated';
    if (now < span.startAt || now >= span.endAt + IDLE_LAG_MS) continue;
    return isRescheduling(span, now) ? 'rescheduling' : 'running';
  }
  return 'idle';
}

export const isTerminal = ({ turn, interrupted }: Span): boolean =>
  turn.plan.end === 'sandbox-terminal' && !interrupted;

export const restartOf = ({ turn, startAt }: Span): number | undefined =>
  turn.plan.restartAt === undefined ? undefined : startAt + turn.plan.restartAt * turn.plan.workMs;

function isRescheduling(span: Span, now: number): boolean {
  const at = restartOf(span);
  return at !== undefined && now >= at && now < Math.min(at + RESCHEDULING_MS, span.endAt);
}

/** From then on the session answers 404 for good. */
export const lossOf = (spans: readonly Span[]): number =>
  Math.min(
    Infinity,
    ...spans.flatMap(({ turn: { plan }, startAt }) =>
      plan.lostAt === undefined ? [] : [startAt + plan.lostAt * plan.workMs],
    ),
  );

export interface Spent {
  readonly tokens: Tokens;
  readonly activeMs: number;
  readonly micros: number;
}

const NOTHING: Tokens = { input: 0, cached: 0, output: 0, thought: 0 };

/** What all turns have used until that moment. */
export function spentBy(session: Session, spans: readonly Span[], at: number): Spent {
  let tokens = NOTHING;
  let activeMs = 0;
  const until = Math.min(at, session.archivedAt ?? Infinity, session.deletedAt ?? Infinity, lossOf(spans));
  for (const { turn, startAt, endAt } of spans) {
    const ranMs = Math.max(0, Math.min(until, endAt) - startAt);
    const used = scaled(turn.plan.tokens, Math.min(1, ranMs / turn.plan.workMs));
    tokens = added(tokens, used);
    activeMs += ranMs;
  }
  return { tokens, activeMs, micros: claudeMicros(session.agent.model.id, tokens, activeMs) ?? 0 };
}

export const centsSpent = (session: Session, spans: readonly Span[], at: number): number =>
  centsOf(spentBy(session, spans, at).micros);

const added = (a: Tokens, b: Tokens): Tokens => ({
  input: a.input + b.input,
  cached: a.cached + b.cached,
  output: a.output + b.output,
  thought: a.thought + b.thought,
});
