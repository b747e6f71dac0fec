import { textId } from '../managed/handle.js';
import { leftFile, leftText } from '../managed/left-over.js';
import { pathBelow } from '../managed/manifest.js';
import type { Output, ProviderContext, SessionHandle } from '../provider.js';
import type { ClaudeApi } from './api.js';
import { newestMessage } from './collect.js';
import type { ClaudeOptions } from './options.js';
import { OUT_FOLDER } from './places.js';

/** What a session that came to nothing has left: the service keeps it, but only a copy has a hash in the ledger. */
export async function leftOverOf(
  handle: SessionHandle,
  { api, options }: { readonly api: ClaudeApi; readonly options: ClaudeOptions },
  { signal }: ProviderContext,
): Promise<Output | undefined> {
  const session = textId(handle, 'session');
  if (session === undefined) return undefined;
  if (options.output === 'text') return leftText(await newestMessage(session, api, signal));
  const listed = (await api.files(session, signal)).flatMap(({ id, filename, size_bytes, mime_type }) => {
    const path = pathBelow(filename, OUT_FOLDER);
    return path === undefined ? [] : [{ id, path, bytes: size_bytes ?? 0, mime: mime_type }];
  });
  return leftFile(listed, options.file, ({ id }) => api.download(id, signal));
}
