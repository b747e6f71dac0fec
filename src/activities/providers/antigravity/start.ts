import { randomUUID } from 'node:crypto';
import type { Json } from '../../../contract/json.js';
import { AdapterError } from '../../../contract/errors.js';
import { readText } from '../managed/download.js';
import { quietly } from '../managed/quietly.js';
import { advanced, newHandle, phaseOf, textId } from '../managed/handle.js';
import { promptWithOutput } from '../managed/prompt.js';
import { onUnknownStart } from '../managed/unanswered.js';
import type { ProviderContext, SessionHandle, SessionRequest } from '../provider.js';
import type { GeminiApi, StartBody } from './api.js';
import type { AntigravityOptions } from './options.js';
import { CLAIM_FOLDER, OUT_FOLDER, STARTED_FILE } from './places.js';

const CLAIM_BYTES_MAX = 1024;
const LABEL_MAX = 63;

export interface StartParts {
  readonly name: string;
  readonly api: GeminiApi;
  readonly options: AntigravityOptions;
}

/**
 * Starts a run. The call that costs money can't be looked up, so a sandbox is made and claimed first, and the handle
 * is saved with phase `start-sent` before that call leaves.
 *
 *  AS1. Nothing paid is sent before `start-sent` is saved, which happens when its turn has come and no pause stands
 *       before it; whoever finds it saved never sends, but watches.
 *  AS2. One environment, one claim, one run. A claim of another start means that its run is watched instead of ours.
 *  AS3. A start that the service surely refused goes back to `prepared`.
 */
export async function startRun(
  parts: StartParts,
  request: SessionRequest,
  known: SessionHandle | undefined,
  context: ProviderContext,
): Promise<SessionHandle> {
  if (known && phaseOf(known) !== 'prepared') return known;
  const body = bodyOf(parts.options, request); // what can't be sent is refused before anything is made
  const prepared = await prepare(parts, request, known, context);
  const mine = await claim(parts, prepared, context);
  const sent = advanced(prepared, 'start-sent', {
    sentAt: context.now().toISOString(),
    onUnknown: onUnknownStart(request, parts.options.onUnknownStart),
    ...(await baseline(parts.api, prepared, context)),
  });
  context.signal.throwIfAborted();
  if (!mine) {
    await context.save(sent);
    return sent; // AS2
  }
  return send(parts, sent, body, context);
}

async function prepare(
  { name, api }: StartParts,
  request: SessionRequest,
  known: SessionHandle | undefined,
  context: ProviderContext,
): Promise<SessionHandle> {
  const handle = known ?? newHandle(name, request);
  const environment = textId(handle, 'environment');
  if (environment !== undefined && (await api.environment(environment, context.signal))) return handle;
  // An answer that is lost leaves a sandbox behind that nobody pays for and that goes by itself.
  const { id } = await api.createEnvironment(context.signal);
  const prepared = advanced(handle, 'prepared', { environment: id, claim: randomUUID() });
  await context.save(prepared);
  return prepared;
}

/** @returns false when another start has claimed the environment */
async function claim(
  { api }: StartParts,
  handle: SessionHandle,
  { signal }: ProviderContext,
): Promise<boolean> {
  const environment = environmentOf(handle);
  const path = `${CLAIM_FOLDER}/${handle.runKey}-${handle.attempt}`;
  const mine = textId(handle, 'claim') ?? '';
  if ((await api.putFile(environment, path, mine, signal)) === 'put') return true;
  const content = await api.download(environment, path, signal);
  return content !== undefined && (await readText(content, CLAIM_BYTES_MAX)) === mine;
}

/** How the sandbox looks before the start: what changes later is a sign of life. */
async function baseline(
  api: GeminiApi,
  handle: SessionHandle,
  { signal }: ProviderContext,
): Promise<Record<string, Json>> {
  const seen = await api.environment(environmentOf(handle), signal);
  if (!seen) throw new AdapterError('transient', 'the environment made for the run is gone', { sent: 'no' });
  const { updated = '', last_accessed = '', file_count = '' } = seen;
  return { seenUpdated: updated, seenAccess: last_accessed, seenFiles: file_count };
}

async function send(
  { api }: StartParts,
  sent: SessionHandle,
  body: Omit<StartBody, 'environment'>,
  context: ProviderContext,
): Promise<SessionHandle> {
  let id: string;
  try {
    const whole = { ...body, environment: environmentOf(sent) } as StartBody;
    ({ id } = await api.start(whole, () => context.save(sent))); // AS1
  } catch (error) {
    if (!(error instanceof AdapterError) || error.facts.sent === 'maybe') throw error;
    await context.save(advanced(sent, 'prepared')); // AS3
    const gone = await sandboxIsGone(error, sent, api, context);
    if (gone || (await quietly(api.deleteEnvironment(environmentOf(sent), context.signal)))) {
      await context.save({ ...sent, phase: 'prepared', ids: {} }); // nobody deletes it a second time
    }
    throw gone ? withoutSandbox(error) : error;
  }
  // Outside: what goes wrong with the ledger is no refusal by the service.
  const started = advanced(sent, 'started', { interaction: id, startedAt: context.now().toISOString() });
  await context.save(started);
  return started;
}

/** Codes that may be about the sandbox. A model that is not there has one of its own; an agent has not. */
const NOT_FOUND: ReadonlySet<string | undefined> = new Set(['not_found', '404']);

/** The service says of a sandbox and of an agent alike that they were not found: only one look tells them apart. */
async function sandboxIsGone(
  { errorClass, facts }: AdapterError,
  sent: SessionHandle,
  api: GeminiApi,
  { signal }: ProviderContext,
): Promise<boolean> {
  if (errorClass !== 'invalid' || !NOT_FOUND.has(facts.code)) return false;
  try {
    return (await api.environment(environmentOf(sent), signal)) === undefined;
  } catch {
    return false; // not seen to be gone: the refusal stands as it is
  }
}

/** Nothing is wrong with the request: the next try makes another sandbox. */
const withoutSandbox = ({ message, facts }: AdapterError): AdapterError =>
  new AdapterError('transient', `${message}; the sandbox made for the run is gone`, facts);

function bodyOf(options: AntigravityOptions, request: SessionRequest): Omit<StartBody, 'environment'> {
  const { prompt } = request;
  if (prompt === undefined || prompt.trim() === '') {
    throw new AdapterError('config', 'the agent has no prompt; see agent.prompt', { sent: 'no' });
  }
  const { agent, model, maxTotalTokens, systemInstruction, tools, output, file } = options;
  const place = { folder: OUT_FOLDER, file, startedFile: STARTED_FILE };
  const input = output === 'file' ? promptWithOutput(prompt, place) : prompt;
  const body = {
    agent,
    agent_config: {
      type: 'antigravity',
      model,
      ...(maxTotalTokens !== undefined && { max_total_tokens: String(maxTotalTokens) }),
    },
    input,
    background: true,
    store: true,
    labels: labelsOf(request),
    ...(systemInstruction !== undefined && { system_instruction: systemInstruction }),
    // They come from the operator and are checked by the service.
    ...(tools !== undefined && { tools: tools as unknown as NonNullable<StartBody['tools']> }),
  };
  return body;
}

/** For whoever reads the service's own bill; no run is looked for by them. */
function labelsOf({
  runKey,
  attempt,
  work,
  jobKey,
  identity,
  batch,
}: SessionRequest): Record<string, string> {
  const { site } = identity;
  return {
    ns_run: runKey,
    ns_attempt: String(attempt),
    ns_work: labelOf(work),
    ns_job: labelOf(jobKey),
    ...(site !== undefined && { ns_site: labelOf(site) }),
    ...(batch !== undefined && { ns_batch: labelOf(batch) }),
  };
}

/** What the service takes as a label: up to 63 lowercase letters, digits, `_` and `-`. `Blog.example` is `blog_example`. */
const labelOf = (text: string): string =>
  Array.from(text.toLowerCase().replace(/[^\p{Ll}\p{Lo}\p{N}_-]/gu, '_'))
    .slice(0, LABEL_MAX)
    .join('');

/** @throws AdapterError `bug`: every handle that is saved has one */
export function environmentOf(handle: SessionHandle): string {
  const environment = textId(handle, 'environment');
  if (environment !== undefined) return environment;
  throw new AdapterError('bug', 'the saved session has no environment', { sent: 'no' });
}
