import { AdapterError } from '../../../contract/errors.js';
import { readText, verified } from '../managed/download.js';
import { textId } from '../managed/handle.js';
import { chooseFile, MANIFEST_BYTES_MAX, MANIFEST_NAME } from '../managed/manifest.js';
import { mimeOrNone } from '../managed/mime.js';
import type { Output, ProviderContext, SessionHandle } from '../provider.js';
import type { GeminiApi } from './api.js';
import type { AntigravityOptions } from './options.js';
import { OUT_FOLDER } from './places.js';
import type { Interaction } from './replies.js';
import { environmentOf } from './start.js';

interface Parts {
  readonly api: GeminiApi;
  readonly options: AntigravityOptions;
}

/**
 * The artifact of a run that completed. Its bytes are checked while they are read.
 * @throws AdapterError `rejected` where the output is missing, empty, cut short, or not what the manifest says
 */
export function collectRun(handle: SessionHandle, parts: Parts, context: ProviderContext): Promise<Output> {
  return parts.options.output === 'text'
    ? lastMessage(handle, parts.api, context)
    : artifactFile(handle, parts, context);
}

async function artifactFile(
  handle: SessionHandle,
  { api, options }: Parts,
  { signal }: ProviderContext,
): Promise<Output> {
  const environment = environmentOf(handle);
  const manifest = await api.download(environment, `${OUT_FOLDER}/${MANIFEST_NAME}`, signal);
  if (!manifest) throw rejected(`the run left no ${MANIFEST_NAME}: its output is missing or cut short`);
  const choice = chooseFile(await readText(manifest, MANIFEST_BYTES_MAX), options.file, OUT_FOLDER);
  if (choice.kind === 'unusable') throw rejected(`the run’s output can’t be used: ${choice.why}`);
  const { file } = choice;

  const path = `${OUT_FOLDER}/${file.path}`;
  const listed = await api.file(environment, path, signal);
  if (!listed) throw rejected(`the run’s manifest names ${file.path}, which is not there`);
  if (listed.size_bytes !== undefined && Number(listed.size_bytes) !== file.bytes) {
    throw rejected(
      `${file.path} has ${Number(listed.size_bytes)} bytes; the manifest promised ${file.bytes}`,
    );
  }
  const content = await api.download(environment, path, signal);
  if (!content) throw rejected(`the run’s manifest names ${file.path}, which is not there`);
  return { content: verified(content, file), ...mimeOrNone(listed.mime_type) };
}

async function lastMessage(
  handle: SessionHandle,
  api: GeminiApi,
  { signal }: ProviderContext,
): Promise<Output> {
  const id = textId(handle, 'interaction');
  const run = id === undefined ? undefined : await api.interaction(id, signal);
  if (!run) throw rejected('the record of the run is gone, and its message with it');
  const text = textOf(run);
  if (text.trim() === '') throw rejected('the run completed and said nothing');
  return { content: new TextEncoder().encode(text) };
}

/** The text after the last step that is no message: what the library calls `output_text`. */
export function textOf({ output_text, steps = [] }: Pick<Interaction, 'output_text' | 'steps'>): string {
  if (output_text !== undefined && output_text !== '') return output_text;
  const lastOther = steps.findLastIndex(({ type }) => type !== 'model_output');
  return steps
    .slice(lastOther + 1)
    .flatMap(({ content = [] }) => content.map(({ text = '' }) => text))
    .join('');
}

const rejected = (message: string): AdapterError => new AdapterError('rejected', message);
