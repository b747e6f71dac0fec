import { textId } from '../managed/handle.js';
import { leftFile, leftText, type LeftFile } from '../managed/left-over.js';
import { pathBelow } from '../managed/manifest.js';
import type { Output, ProviderContext, SessionHandle } from '../provider.js';
import type { GeminiApi } from './api.js';
import { textOf } from './collect.js';
import type { AntigravityOptions } from './options.js';
import { OUT_FOLDER } from './places.js';

/** What a run that came to nothing has left in its sandbox, which is deleted after that; or what it said. */
export async function leftOverOf(
  handle: SessionHandle,
  { api, options }: { readonly api: GeminiApi; readonly options: AntigravityOptions },
  { signal }: ProviderContext,
): Promise<Output | undefined> {
  if (options.output === 'text') {
    const id = textId(handle, 'interaction');
    const run = id === undefined ? undefined : await api.interaction(id, signal);
    return leftText(run ? textOf(run) : '');
  }
  const environment = textId(handle, 'environment');
  if (environment === undefined) return undefined;
  const listed: LeftFile[] = [];
  for await (const { path = '', size_bytes, mime_type } of api.files(environment, OUT_FOLDER, signal)) {
    const below = pathBelow(path, OUT_FOLDER);
    if (below !== undefined) listed.push({ path: below, bytes: Number(size_bytes ?? 0), mime: mime_type });
  }
  return leftFile(listed, options.file, ({ path }) =>
    api.download(environment, `${OUT_FOLDER}/${path}`, signal),
  );
}
