import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import type { Json } from '../../../contract/json.js';
import { advanced, newHandle, phaseOf, textId } from '../managed/handle.js';
import { pause } from '../managed/pause.js';
import { promptWithOutput } from '../managed/prompt.js';
import { quietly } from '../managed/quietly.js';
import { onUnknownStart } from '../managed/unanswered.js';
import type { ProviderContext, SessionHandle, SessionRequest } from '../provider.js';
import type { ClaudeApi, SessionBody } from './api.js';
import { findSession, isOpen } from './find.js';
import type { ClaudeOptions } from './options.js';
import { OUT_FOLDER } from './places.js';

export interface StartParts {
  readonly name: string;
  readonly api: ClaudeApi;
  readonly options: ClaudeOptions;
}

/** Creating a session is free, so an answer that is lost is made up for by another. */
const CREATE_TRIES_MAX = 3;

/**
 * Starts a session in two steps: it is created idle, which is free and can be looked up, and then given its prompt,
 * which costs money.
 *
 *  CS1. No prompt is sent before `start-sent` is saved, and none into a session that has one.
 *  CS2. Only who sent a prompt sends it again. Whoever finds `start-sent` saved watches; where no prompt arrives, it
 *       archives the session first, which refuses a prompt that is still on its way.
 *  CS3. A start that the service surely refused goes back to `prepared`.
 */
export async function startSession(
  parts: StartParts,
  request: SessionRequest,
  known: SessionHandle | undefined,
  context: ProviderContext,
): Promise<SessionHandle> {
  if (known && phaseOf(known) !== 'prepared') return known;
  const text = textOf(parts.options, request); // what can't be sent is refused before anything is made
  const { handle, kickedOff } = await prepare(parts, request, known, context);
  if (kickedOff) return saved(advanced(handle, 'started'), context);
  await context.save(handle);

  context.signal.throwIfAborted();
  const sent = await saved(
    advanced(handle, 'start-sent', {
      sentAt: context.now().toISOString(),
      onUnknown: onUnknownStart(request, parts.options.onUnknownStart),
    }),
    context,
  ); // CS1
  try {
    return await saved(advanced(sent, 'started', await kickOff(parts, sent, text, context)), context);
  } catch (error) {
    if (!(error instanceof AdapterError) || error.facts.sent === 'maybe') throw error;
    await context.save(handle); // CS3
    await quietly(parts.api.archive(sessionOf(handle), context.signal));
    throw error;
  }
}

async function prepare(
  parts: StartParts,
  request: SessionRequest,
  known: SessionHandle | undefined,
  context: ProviderContext,
): Promise<{ handle: SessionHandle; kickedOff: boolean }> {
  const fresh = newHandle(parts.name, request);
  const saidId = known && textId(known, 'session');
  const session = saidId === undefined ? undefined : await parts.api.session(saidId, context.signal);
  if (known && session && isOpen(session)) return { handle: known, kickedOff: false };

  const found = await findSession(request, parts, context);
  if (found) {
    return { handle: advanced(fresh, 'prepared', { session: found.session.id }), kickedOff: found.kickedOff };
  }
  return create(parts, request, fresh, context);
}

async function create(
  parts: StartParts,
  request: SessionRequest,
  fresh: SessionHandle,
  context: ProviderContext,
): Promise<{ handle: SessionHandle; kickedOff: boolean }> {
  const { api, options } = parts;
  let unclear: AdapterError | undefined;
  for (let tries = 0; tries < CREATE_TRIES_MAX; tries++) {
    try {
      const { id } = await api.createSession(bodyOf(options, request), context.signal);
      const ids = { session: id, ...(unclear !== undefined && straysOf(request)) };
      return { handle: advanced(fresh, 'prepared', ids), kickedOff: false };
    } catch (error) {
      if (!(error instanceof AdapterError) || error.facts.sent !== 'maybe') throw error;
      context.signal.throwIfAborted();
      unclear = error;
    }
    await pause(durationMs(options.listSettle), context);
    const found = await findSession(request, parts, context);
    if (found) {
      const { session, kickedOff } = found;
      const ids = { session: session.id, ...(tries > 0 && straysOf(request)) };
      return { handle: advanced(fresh, 'prepared', ids), kickedOff };
    }
  }
  throw unclear ?? new AdapterError('bug', 'no session was created');
}

/** Sessions whose creation got no answer may still come to light: `release` looks for them. */
const straysOf = ({ openedAt }: SessionRequest): Record<string, Json> => ({
  strays: true,
  ...(openedAt !== undefined && { openedAt }),
});

/** @returns the ids that the handle gets; the id of the message where an answer told it */
async function kickOff(
  { api, options }: StartParts,
  sent: SessionHandle,
  text: string,
  context: ProviderContext,
): Promise<Record<string, string>> {
  const session = sessionOf(sent);
  const startedAt = context.now().toISOString();
  const listed = async (): Promise<boolean> => {
    const events = await api.newestEvents(session, ['user.message'], 1, context.signal);
    return events !== undefined && events.length > 0;
  };
  if (await listed()) return { startedAt };
  let unclear: unknown;
  try {
    return { startedAt, kickoff: await api.sendMessage(session, text) };
  } catch (error) {
    if (!isUnclear(error)) throw error;
    unclear = error;
  }
  await pause(durationMs(options.kickoffSettle), context);
  if (await listed()) return { startedAt };
  const at = await api.session(session, context.signal);
  if (at?.status !== 'idle') return { startedAt }; // it works on something
  if (textId(sent, 'onUnknown') === 'hold') throw unclear;
  try {
    // What is left is a message listed later than the settle time: a second turn, within the budget of the session.
    return { startedAt, kickoff: await api.sendMessage(session, text) };
  } catch (error) {
    throw isUnclear(error) ? error : unclear; // a refusal now says nothing about the first one
  }
}

const isUnclear = (error: unknown): boolean => error instanceof AdapterError && error.facts.sent === 'maybe';

async function saved(handle: SessionHandle, context: ProviderContext): Promise<SessionHandle> {
  await context.save(handle);
  return handle;
}

function textOf({ output, file }: ClaudeOptions, { prompt }: SessionRequest): string {
  if (prompt === undefined || prompt.trim() === '') {
    throw new AdapterError('config', 'the agent has no prompt; see agent.prompt', { sent: 'no' });
  }
  return output === 'file' ? promptWithOutput(prompt, { folder: OUT_FOLDER, file }) : prompt;
}

/** Metadata holds at most 512 characters a value. */
const METADATA_MAX = 512;

function bodyOf(options: ClaudeOptions, { runKey, attempt, work, jobKey }: SessionRequest): SessionBody {
  const { agent, agentVersion, environment, vaults, budget } = options;
  const amount = budget === undefined ? undefined : String(Math.floor(budget * 100 + 1e-6));
  return {
    agent: agentVersion === undefined ? agent : { type: 'agent', id: agent, version: agentVersion },
    environment_id: environment,
    title: `${runKey}-${attempt}`,
    metadata: {
      run_key: runKey,
      attempt: String(attempt),
      work: work.slice(0, METADATA_MAX),
      job_key: jobKey.slice(0, METADATA_MAX),
    },
    ...(amount !== undefined && {
      budget: { type: 'limit' as const, max_list_cost: { amount, currency: 'USD' as const } },
    }),
    ...(vaults !== undefined && { vault_ids: vaults }),
  };
}

/** @throws AdapterError `bug`: every handle that is saved has one */
export function sessionOf(handle: SessionHandle): string {
  const session = textId(handle, 'session');
  if (session !== undefined) return session;
  throw new AdapterError('bug', 'the saved session has no id', { sent: 'no' });
}
