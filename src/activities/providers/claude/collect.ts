import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import { readText, verified } from '../managed/download.js';
import { chooseFile, MANIFEST_BYTES_MAX, MANIFEST_NAME, pathBelow } from '../managed/manifest.js';
import { mimeOrNone } from '../managed/mime.js';
import { pause } from '../managed/pause.js';
import type { Output, ProviderContext, SessionHandle } from '../provider.js';
import type { ClaudeApi } from './api.js';
import type { ClaudeOptions } from './options.js';
import { OUT_FOLDER } from './places.js';
import type { OutputFile } from './replies.js';
import { sessionOf } from './start.js';

interface Parts {
  readonly api: ClaudeApi;
  readonly options: ClaudeOptions;
}

const LOOK_AGAIN_MS = 3_000;

/**
 * The artifact of a session whose turn ended. Its bytes are checked while they are read.
 * @throws AdapterError `rejected` where the output is missing, empty, cut short, or not what the manifest says
 */
export function collectSession(
  handle: SessionHandle,
  parts: Parts,
  context: ProviderContext,
): Promise<Output> {
  return parts.options.output === 'text'
    ? lastMessage(handle, parts.api, context)
    : artifactFile(handle, parts, context);
}

async function artifactFile(handle: SessionHandle, parts: Parts, context: ProviderContext): Promise<Output> {
  const { api, options } = parts;
  const files = await settledFiles(sessionOf(handle), parts, context);
  const manifestFile = fileAt(files, MANIFEST_NAME);
  const manifest = manifestFile && (await api.download(manifestFile.id, context.signal));
  if (!manifest) throw rejected(`the session left no ${MANIFEST_NAME}: its output is missing or cut short`);
  const choice = chooseFile(await readText(manifest, MANIFEST_BYTES_MAX), options.file, OUT_FOLDER);
  if (choice.kind === 'unusable') throw rejected(`the session’s output can’t be used: ${choice.why}`);
  const { file } = choice;

  const entry = fileAt(files, file.path);
  if (entry?.size_bytes !== undefined && entry.size_bytes !== file.bytes) {
    throw rejected(`${file.path} has ${entry.size_bytes} bytes; the manifest promised ${file.bytes}`);
  }
  const content = entry && (await api.download(entry.id, context.signal));
  if (!content) throw rejected(`the session’s manifest names ${file.path}, which is not there`);
  return { content: verified(content, file), ...mimeOrNone(entry.mime_type) };
}

/** Files are listed seconds after the end of the turn that wrote them. */
async function settledFiles(
  session: string,
  { api, options }: Parts,
  context: ProviderContext,
): Promise<OutputFile[]> {
  const settleMs = durationMs(options.filesSettle);
  for (let waitedMs = 0; ; waitedMs += LOOK_AGAIN_MS) {
    const files = await api.files(session, context.signal);
    if (fileAt(files, MANIFEST_NAME) || waitedMs >= settleMs) return files;
    await pause(LOOK_AGAIN_MS, context);
  }
}

/** The newest of that name: a file written twice may be listed twice. */
const fileAt = (files: readonly OutputFile[], path: string): OutputFile | undefined =>
  files
    .filter(({ filename }) => pathBelow(filename, OUT_FOLDER) === path)
    .sort((a, b) => (b.created_at ?? '').localeCompare(a.created_at ?? ''))[0];

async function lastMessage(
  handle: SessionHandle,
  api: ClaudeApi,
  { signal }: ProviderContext,
): Promise<Output> {
  const text = await newestMessage(sessionOf(handle), api, signal);
  if (text.trim() === '') throw rejected('the session ended its turn and said nothing');
  return { content: new TextEncoder().encode(text) };
}

/** The last that the agent said; empty where it said nothing. */
export async function newestMessage(session: string, api: ClaudeApi, signal: AbortSignal): Promise<string> {
  const [event] = (await api.newestEvents(session, ['agent.message'], 1, signal)) ?? [];
  return (event?.content ?? []).map((block) => block.text ?? '').join('');
}

const rejected = (message: string): AdapterError => new AdapterError('rejected', message);
