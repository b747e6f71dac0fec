import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import type { Json } from '../../../contract/json.js';
import { advanced, newHandle, phaseOf, textId } from '../managed/handle.js';
import { pause } from '../managed/pause.js';
import { promptWithOutput } from '../managed/prompt.js';
import { quietly } from '../managed/quietly.js';
import { onUnknownStart } from '../managed/unanswered.js';
import type { JudgeOptions } from '../managed/ruling.js';
import type { ProviderContext, SessionHandle, SessionRequest } from '../provider.js';
import type { ClaudeApi, SessionBody } from './api.js';
import { judge } from './classify.js';
import { findSession, isOpen } from './find.js';
import type { ClaudeOptions } from './options.js';
import { OUT_FOLDER } from './places.js';
import type { Session } from './replies.js';

export interface StartParts {
  readonly name: string;
  readonly api: ClaudeApi;
  readonly options: ClaudeOptions;
  readonly judgeOptions: () => JudgeOptions;
}

/** Creating a session is free, so an answer that is lost is made up for by another. */
const CREATE_TRIES_MAX = 3;

/**
 * Starts a session in two steps: it is created idle, which is free and can be looked up, and then given its prompt,
 * which costs money.
 *
 *  CS1. No prompt is sent before `start-sent` is saved, which happens when its turn has come and no pause stands before
 *       it, and none into a session that has one.
 *  CS2. Only who sent a prompt sends it again. Whoever finds `start-sent` saved watches; where no prompt arrives, it
 *       archives the session first, which refuses a prompt that is still on its way.
 *  CS3. A start that the service surely refused goes back to `prepared`. That is said by the answer to the prompt
 *       alone: a look-up that fails after it, or a handle that can't be saved, says nothing of the session.
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

  const takeBack = (error: unknown): Promise<never> => refuse(error, parts, handle, context);
  if (await hasPrompt(parts, sessionOf(handle), context).catch(takeBack)) {
    return saved(startedNow(handle, context), context); // CS2
  }
  context.signal.throwIfAborted();
  const sent = advanced(handle, 'start-sent', {
    sentAt: context.now().toISOString(),
    onUnknown: onUnknownStart(request, parts.options.onUnknownStart),
  });
  return saved(await kickOff(parts, sent, text, context).catch(takeBack), context);
}

/** CS3. @throws the error */
async function refuse(
  error: unknown,
  { api }: StartParts,
  prepared: SessionHandle,
  context: ProviderContext,
): Promise<never> {
  if (error instanceof AdapterError && !isUnclear(error)) {
    await context.save(prepared);
    if (await quietly(api.archive(sessionOf(prepared), context.signal))) {
      await context.save(advanced(prepared, 'prepared', { archived: true })); // nobody archives it a second time
    }
  }
  throw error;
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
    return { handle: advanced(fresh, 'prepared', idsOf(found.session)), kickedOff: found.kickedOff };
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
      const session = await api.createSession(bodyOf(options, request), context.signal);
      const ids = { ...idsOf(session), ...(unclear !== undefined && straysOf(request)) };
      return { handle: advanced(fresh, 'prepared', ids), kickedOff: false };
    } catch (error) {
      if (!(error instanceof AdapterError) || error.facts.sent !== 'maybe') throw error;
      context.signal.throwIfAborted();
      unclear = error;
    }
    const found = await lookAgain(unclear, parts, context, async () => {
      await pause(durationMs(options.listSettle), context);
      return findSession(request, parts, context);
    });
    if (found) {
      const { session, kickedOff } = found;
      const ids = { ...idsOf(session), ...(tries > 0 && straysOf(request)) };
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

async function kickOff(
  parts: StartParts,
  sent: SessionHandle,
  text: string,
  context: ProviderContext,
): Promise<SessionHandle> {
  const started = startedNow(sent, context);
  try {
    const kickoff = await parts.api.sendMessage(sessionOf(sent), text, () => context.save(sent)); // CS1
    return advanced(started, 'started', { kickoff });
  } catch (error) {
    if (!isUnclear(error)) throw error;
    return (await arrived(error, parts, sent, context)) ? started : sendAgain(error, parts, started, text);
  }
}

/**
 * Whether a prompt that got no answer is there, or the session works on something.
 * @throws AdapterError as unclear as `unclear`, where that can't be seen, or the start is to be held (CS3)
 */
async function arrived(
  unclear: AdapterError,
  parts: StartParts,
  sent: SessionHandle,
  context: ProviderContext,
): Promise<boolean> {
  const session = sessionOf(sent);
  const isThere = await lookAgain(unclear, parts, context, async () => {
    await pause(durationMs(parts.options.kickoffSettle), context);
    if (await hasPrompt(parts, session, context)) return true;
    return (await parts.api.session(session, context.signal))?.status !== 'idle';
  });
  if (!isThere && textId(sent, 'onUnknown') === 'hold') throw unclear;
  return isThere;
}

/** @throws AdapterError as unclear as before where the look fails, of whatever class: it is no sign of anything */
async function lookAgain<T>(
  unclear: AdapterError,
  { judgeOptions }: StartParts,
  context: ProviderContext,
  look: () => Promise<T>,
): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (context.signal.aborted && !(error instanceof AdapterError)) throw error;
    const { message, facts } = judge(error, 'looking for it', 'read', judgeOptions());
    const why = `${unclear.message}; whether it arrived can’t be seen: ${message}`;
    const hint = facts.retryAfterMs ?? unclear.facts.retryAfterMs;
    const again = { ...(hint !== undefined && { retryAfterMs: hint }) };
    throw new AdapterError(unclear.errorClass, why, { ...unclear.facts, ...again });
  }
}

/** What is left is a message listed later than the settle time: a second turn, within the budget of the session. */
async function sendAgain(
  unclear: AdapterError,
  { api }: StartParts,
  started: SessionHandle,
  text: string,
): Promise<SessionHandle> {
  try {
    return advanced(started, 'started', { kickoff: await api.sendMessage(sessionOf(started), text) });
  } catch (error) {
    throw isUnclear(error) ? error : unclear; // a refusal now says nothing about the first one
  }
}

async function hasPrompt({ api }: StartParts, session: string, context: ProviderContext): Promise<boolean> {
  const events = await api.newestEvents(session, ['user.message'], 1, context.signal);
  return events !== undefined && events.length > 0;
}

const startedNow = (handle: SessionHandle, context: ProviderContext): SessionHandle =>
  advanced(handle, 'started', { startedAt: context.now().toISOString() });

const isUnclear = (error: unknown): error is AdapterError =>
  error instanceof AdapterError && error.facts.sent === 'maybe';

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

/** By which agent it was made stays known, whichever is the latest by then. */
export const idsOf = ({ id, agent }: Session): Record<string, Json> => ({
  session: id,
  ...(agent?.version !== undefined && { agentVersion: agent.version }),
});

/** By `run_key` and `attempt` a session is found again; the others are for whoever reads the service's own bill. */
function metadataOf({
  runKey,
  attempt,
  work,
  jobKey,
  identity,
  batch,
}: SessionRequest): Record<string, string> {
  const { site } = identity;
  return {
    run_key: runKey,
    attempt: String(attempt),
    work: work.slice(0, METADATA_MAX),
    job_key: jobKey.slice(0, METADATA_MAX),
    ...(site !== undefined && { site: site.slice(0, METADATA_MAX) }),
    ...(batch !== undefined && { batch: batch.slice(0, METADATA_MAX) }),
  };
}

function bodyOf(options: ClaudeOptions, request: SessionRequest): SessionBody {
  const { agent, agentVersion, environment, vaults, budget } = options;
  const amount = budget === undefined ? undefined : String(Math.floor(budget * 100 + 1e-6));
  return {
    agent: agentVersion === undefined ? agent : { type: 'agent', id: agent, version: agentVersion },
    environment_id: environment,
    title: `${request.runKey}-${request.attempt}`,
    metadata: metadataOf(request),
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
