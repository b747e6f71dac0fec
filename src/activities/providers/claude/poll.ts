import { durationMs } from '../../../contract/batch-file.js';
import { phaseOf, textId, timeId } from '../managed/handle.js';
import { pollIntervalMs } from '../managed/poll-interval.js';
import type { JudgeOptions } from '../managed/ruling.js';
import { saidText } from '../managed/said.js';
import { heldStart } from '../managed/unanswered.js';
import type { ProviderContext, SessionHandle, SessionProgress } from '../provider.js';
import type { ClaudeApi } from './api.js';
import { isOpen } from './find.js';
import type { ClaudeOptions } from './options.js';
import type { Session } from './replies.js';
import { endedBy, failedBy, progressAtEnd, turnOf } from './stop-reason.js';

export interface PollParts {
  readonly api: ClaudeApi;
  readonly options: ClaudeOptions;
  readonly judgeOptions: () => JudgeOptions;
  /** Sessions that were not found at the last look: only a second 404 means that one is lost. */
  readonly missing: Set<string>;
}

/** A session that is slow to stop is interrupted every two seconds. */
const NEWEST_EVENTS = 100;
const TURN_EVENTS = ['user.message', 'user.interrupt', 'session.status_idle'] as const;

/** One look at a session, whatever phase its start has reached. */
export async function pollSession(
  handle: SessionHandle,
  parts: PollParts,
  context: ProviderContext,
): Promise<SessionProgress> {
  const { api, missing } = parts;
  const id = textId(handle, 'session');
  if (id === undefined || phaseOf(handle) === 'prepared') {
    return { kind: 'lost', message: 'its start was cut short before anything was paid for' };
  }
  const session = await api.session(id, context.signal);
  if (!session) return notFound(id, missing);
  missing.delete(id);

  const ageMs = context.now().getTime() - (timeId(handle, 'startedAt') ?? timeId(handle, 'sentAt') ?? 0);
  const running = (note: string): SessionProgress => ({
    kind: 'running',
    nextPollMs: pollIntervalMs(ageMs, parts.options.pollInterval),
    note: saidText(note, parts.judgeOptions().secrets),
    sign: signOf(session),
  });
  const { status = '' } = session;
  if (status !== 'idle' && status !== 'terminated') return running(status);

  const newest = await api.newestEvents(id, [...TURN_EVENTS], NEWEST_EVENTS, context.signal);
  const turn = turnOf(newest ?? []);
  if (turn.kind === 'none' && phaseOf(handle) === 'start-sent' && isOpen(session)) {
    return (await withoutPrompt(id, handle, parts, context)) ?? running('waiting for the prompt to arrive');
  }
  if (turn.kind === 'interrupted') {
    return { kind: 'lost', message: `session ${id} was interrupted before its end` };
  }
  if (turn.kind !== 'ended') {
    return isOpen(session) ? running('waiting for the turn') : terminated(session, parts, context);
  }
  const end = progressAtEnd(turn.idle, parts.judgeOptions());
  if (end === 'requires_action') {
    await api.interrupt(id, context.signal);
    const why = 'the agent asked for a person, and nobody is there; allow its tools with always_allow';
    return { kind: 'failed', errorClass: 'invalid', message: why };
  }
  if (end === 'retries_exhausted') return gaveUp(id, 'the session gave up', parts, context);
  return end;
}

/**
 * A prompt that got no answer and is not listed. Archiving proves that it did not arrive, for a session that works
 * can't be archived, and one that is archived takes no prompt.
 */
async function withoutPrompt(
  id: string,
  handle: SessionHandle,
  { api, options }: PollParts,
  context: ProviderContext,
): Promise<SessionProgress | undefined> {
  const sentMs = context.now().getTime() - (timeId(handle, 'sentAt') ?? 0);
  const hold = textId(handle, 'onUnknown') === 'hold';
  const onItsWayMs = durationMs(options.requestTimeout) + durationMs(options.kickoffSettle);
  if (sentMs < (hold ? durationMs(options.unknownStartWait) : onItsWayMs)) return undefined;
  if (hold) return heldStart(`the prompt for session ${id} got no answer`);
  if ((await api.archive(id, context.signal)) === 'running') return undefined;
  const message = `the prompt for session ${id} never arrived; the session was archived`;
  return { kind: 'lost', message, neverRan: true };
}

/** At its end without our doing, or archived by somebody. */
function terminated(
  session: Session,
  parts: PollParts,
  context: ProviderContext,
): Promise<SessionProgress> | SessionProgress {
  if (typeof session.archived_at === 'string') {
    return { kind: 'lost', message: `session ${session.id} was archived before its end` };
  }
  return gaveUp(session.id, 'the session was terminated', parts, context);
}

async function gaveUp(
  id: string,
  what: string,
  { api, judgeOptions }: PollParts,
  { signal }: ProviderContext,
): Promise<SessionProgress> {
  const errors = (await api.newestEvents(id, ['session.error'], NEWEST_EVENTS, signal)) ?? [];
  return failedBy(endedBy(errors), what, judgeOptions());
}

function notFound(id: string, missing: Set<string>): SessionProgress {
  if (missing.delete(id))
    return { kind: 'lost', message: `the service does not know session ${id} any more` };
  missing.add(id);
  return { kind: 'running', nextPollMs: 5_000, note: 'not found; looking once more' };
}

/** Tokens grow with every request to the model; `active_seconds` would grow while nothing happens. */
const signOf = ({ status, usage }: Session): string =>
  [status, usage?.input_tokens, usage?.output_tokens, usage?.cache_read_input_tokens].join(' ');
