import { claudeMicros } from '../agent/money.js';
import { planRun, spent, type RunPlan } from '../agent/plan.js';
import { sha256, type Draw } from '../draw.js';
import type { FaultHit } from '../faults/rules.js';
import type { World } from '../http/call.js';
import type { EventBody } from './bodies.js';
import { invalid } from './errors.js';
import type { FoundSession } from './find-session.js';
import { centsSpent, spansOf, spentBy, turnsOf, type Note, type Session, type Turn } from './session.js';
import { filesOfTurn } from './timeline.js';

export interface FileRecord {
  readonly id: string;
  readonly sessionId: string;
  readonly turnId: string;
  readonly index: number;
}

export interface Send {
  readonly now: number;
  readonly draw: Draw;
  readonly fault: FaultHit | undefined;
}

/** A message is picked up and files appear between one and three seconds late. */
const FILES_LAG_MS = [1_000, 3_000] as const;

/**
 * Takes events in order and gives them as they are listed. Nothing recognises a message that was sent before: each
 * `user.message` is another paid turn.
 * @throws Refusal 400 where the session has ended or its budget is spent
 */
export function sendEvents(
  { session, spans }: FoundSession,
  events: readonly EventBody[],
  { now, draw, fault }: Send,
  world: World,
): Record<string, unknown>[] {
  if (
    session.budgetCents !== null &&
    spans.length > 0 &&
    centsSpent(session, spans, now) >= session.budgetCents
  ) {
    throw invalid('the budget of this session is reached; raise it to send further events');
  }
  return events.map((body, index) => {
    const id = `sevt_${draw.hex(`event ${index}`, 24)}`;
    if (body.type === 'user.message') {
      const turn = startTurn(
        session,
        id,
        body.content,
        { now, draw, fault: index === 0 ? fault : undefined },
        world,
      );
      return { id, type: body.type, content: turn.content, processed_at: null };
    }
    if (body.type === 'user.interrupt') interrupt(session, now, world);
    world.store.put('note', id, { id, at: now, body } satisfies Note, session.id);
    return { ...body, id, processed_at: null };
  });
}

function startTurn(
  session: Session,
  id: string,
  content: readonly { readonly text?: string | undefined }[],
  { now, draw, fault }: Send,
  world: World,
): Turn {
  const turn: Turn = {
    id,
    sessionId: session.id,
    receivedAt: now,
    content,
    prompt: content.map(({ text = '' }) => text).join('\n'),
    plan: withinBudget(session, planRun(draw, fault), world),
    filesLagMs: draw.int('files lag', ...FILES_LAG_MS),
  };
  world.store.put('turn', id, turn, session.id);
  for (const index of filesOfTurn(turn).keys()) {
    const record: FileRecord = {
      id: `file_${sha256(`${id} ${index}`).slice(0, 24)}`,
      sessionId: session.id,
      turnId: id,
      index,
    };
    world.store.put('file', record.id, record, session.id);
  }
  return turn;
}

/** Checked between model requests, so the last one goes over a little. */
const OVERSHOOT = 1.02;

function withinBudget(session: Session, plan: RunPlan, world: World): RunPlan {
  if (session.budgetCents === null || plan.end !== 'completed') return plan;
  const before = spentBy(session, spansOf(turnsOf(session, world)), Infinity).micros;
  const cost = claudeMicros(session.agent.model.id, plan.tokens, plan.workMs) ?? 0;
  const part = ((session.budgetCents * 10_000 - before) * OVERSHOOT) / cost;
  return part < 1 ? { ...plan, ...spent(plan, Math.max(0, part)) } : plan;
}

/** Stops the turn that runs, or the one that is about to. */
function interrupt(session: Session, now: number, world: World): void {
  const open = spansOf(turnsOf(session, world)).find(({ endAt }) => endAt > now);
  if (!open) return;
  const turn: Turn = { ...open.turn, interruptedAt: now };
  world.store.put('turn', turn.id, turn, session.id);
}
