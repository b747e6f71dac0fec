import { outputsOf, type OutFile } from '../agent/outputs.js';
import { timestamp } from '../clock.js';
import { sha256 } from '../draw.js';
import {
  isTerminal,
  RESCHEDULING_MS,
  restartOf,
  type Note,
  type Session,
  type Span,
  type Turn,
} from './session.js';
import { budgetJson, usageJson } from './session-json.js';

export interface EventJson {
  readonly id: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Dated {
  readonly at: number;
  readonly event: EventJson;
}

/** Agents write what is to be kept under this folder; paths are shown without it. */
const OUTPUT = { folderWhenUnsaid: 'mnt/session/outputs/', root: 'mnt/session/outputs/' };

/** Everything that has happened in a session by now, oldest first. */
export function eventsOf(
  session: Session,
  spans: readonly Span[],
  notes: readonly Note[],
  now: number,
): Dated[] {
  const all = [
    ...spans.flatMap((span) => eventsOfTurn(session, spans, span, now)),
    ...notes.map(({ id, at, body }) => ({
      at,
      event: { ...body, id, type: String(body['type']), processed_at: timestamp(at) },
    })),
    ...(session.archivedAt === undefined ? [] : [terminated(session.id, session.archivedAt)]),
  ];
  return all.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at); // stable: order of writing breaks ties
}

const eventId = (of: string, what: string): string => `sevt_${sha256(`${of} ${what}`).slice(0, 24)}`;

function eventsOfTurn(session: Session, spans: readonly Span[], span: Span, now: number): Dated[] {
  const { turn, startAt, endAt } = span;
  const event = (at: number, type: string, fields: object = {}): Dated => ({
    at,
    event: {
      ...fields,
      id: eventId(turn.id, type + String(at)),
      type,
      processed_at: timestamp(Math.min(at, now)),
    },
  });
  const message: Dated = {
    at: turn.receivedAt,
    event: {
      id: turn.id,
      type: 'user.message',
      content: turn.content,
      processed_at: now >= startAt ? timestamp(startAt) : null,
    },
  };
  if (now < startAt) return [message];
  const work = [
    event(startAt, 'session.status_running'),
    event(startAt + 100, 'span.model_request_start'),
    event(startAt + 1_000, 'agent.thinking'),
    ...restartEvents(span, event),
    ...lastWords(span, event),
  ].filter(({ at }) => at < endAt);
  if (endAt === Infinity || now < endAt) return [message, ...work];
  const usage = event(endAt, 'session.usage', {
    usage: usageJson(session, spans, endAt),
    budget: budgetJson(session.budgetCents),
  });
  const end = isTerminal(span)
    ? [terminated(turn.id, endAt)]
    : [event(endAt, 'session.status_idle', stopOf(span))];
  return [message, ...work, ...errorBeforeEnd(span, event), usage, ...end];
}

type MakeEvent = (at: number, type: string, fields?: object) => Dated;

const terminated = (of: string, at: number): Dated => ({
  at,
  event: { id: eventId(of, 'terminated'), type: 'session.status_terminated', processed_at: timestamp(at) },
});

const restartEvents = (span: Span, event: MakeEvent): Dated[] => {
  const at = restartOf(span);
  if (at === undefined) return [];
  return [event(at, 'session.status_rescheduled'), event(at + RESCHEDULING_MS, 'session.status_running')];
};

/** The agent writes its files, says its text, and its model request ends, all in the last seconds. */
function lastWords({ turn, startAt, endAt, interrupted }: Span, event: MakeEvent): Dated[] {
  if (interrupted || endAt === Infinity) return [];
  if (turn.plan.end === 'needs-action') {
    const input = { question: 'May I go on?' };
    return [event(endAt - 1_000, 'agent.tool_use', { name: 'ask_user', input, evaluated_permission: 'ask' })];
  }
  const { text, files } = outputsOf(turn.prompt, turn.plan.output, OUTPUT);
  const written = files.flatMap((file, index) => writes(file, endAt - 3_000 + index * 500, event));
  const said =
    text === '' ? [] : [event(endAt - 1_500, 'agent.message', { content: [{ type: 'text', text }] })];
  const { input, cached, output, thought } = turn.plan.tokens;
  const end = event(endAt - 1_000, 'span.model_request_end', {
    is_error: turn.plan.end === 'sandbox-failed',
    model_request_start_id: eventId(turn.id, `span.model_request_start${String(startAt + 100)}`),
    model_usage: {
      input_tokens: input - cached,
      output_tokens: output + thought,
      cache_read_input_tokens: cached,
      cache_creation_input_tokens: 0,
    },
  });
  return [...written, ...said, end];
}

function writes({ path, bytes }: OutFile, at: number, event: MakeEvent): Dated[] {
  const input = { file_path: `/${OUTPUT.root}${path}`, bytes: bytes.length };
  const use = event(at, 'agent.tool_use', { name: 'write', input, evaluated_permission: 'allow' });
  const result = event(at + 200, 'agent.tool_result', {
    tool_use_id: use.event.id,
    content: [{ type: 'text', text: 'File written.' }],
    is_error: false,
  });
  return [use, result];
}

function errorBeforeEnd({ turn, endAt, interrupted }: Span, event: MakeEvent): Dated[] {
  const failed = turn.plan.end === 'sandbox-failed' || turn.plan.end === 'sandbox-terminal';
  if (!failed || interrupted) return [];
  const retry = turn.plan.end === 'sandbox-terminal' ? 'terminal' : 'exhausted';
  const message = 'The sandbox was restarted and the session could not go on.';
  return [
    event(endAt, 'session.error', {
      error: { type: 'unknown_error', message, retry_status: { type: retry } },
    }),
  ];
}

function stopOf({ turn, endAt, interrupted }: Span): object {
  const plain = (type: string): object => ({ stop_reason: { type }, stop_details: null });
  if (interrupted) return plain('end_turn');
  switch (turn.plan.end) {
    case 'refused':
      return {
        stop_reason: { type: 'refusal' },
        stop_details: {
          type: 'refusal',
          category: 'general_harms',
          explanation: 'The request was declined.',
        },
      };
    case 'needs-action': {
      const asked = eventId(turn.id, `agent.tool_use${String(endAt - 1_000)}`);
      return { stop_reason: { type: 'requires_action', event_ids: [asked] }, stop_details: null };
    }
    case 'budget':
      return plain('budget_reached');
    case 'sandbox-failed':
      return plain('retries_exhausted');
    case 'completed':
    case 'never':
    case 'sandbox-terminal':
      return plain('end_turn');
  }
}

/** Files that a turn leaves, whenever it ends by itself. */
export const filesOfTurn = ({ prompt, plan }: Turn): readonly OutFile[] =>
  outputsOf(prompt, plan.output, OUTPUT).files;

/** When they are listed: a little after the idle event, or never. */
export const filesListedAt = ({ turn, endAt, interrupted }: Span): number =>
  interrupted ? Infinity : endAt + turn.filesLagMs;
