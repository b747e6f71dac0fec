import { durationMs } from '../../../contract/batch-file.js';
import { AdapterError } from '../../../contract/errors.js';
import { phaseOf, textId } from '../managed/handle.js';
import { pause } from '../managed/pause.js';
import type { ProviderContext, SessionHandle } from '../provider.js';
import type { ClaudeApi } from './api.js';
import { findSession, isOpen } from './find.js';
import type { ClaudeOptions } from './options.js';

interface Parts {
  readonly api: ClaudeApi;
  readonly options: ClaudeOptions;
}

const LOOK_AGAIN_MS = 2_000;

/**
 * Ends a session and archives it, so that nothing that is still on its way can start it again. It is never deleted:
 * what it did and cost can be read afterwards.
 * @throws AdapterError `transient` where the service would not archive it within `cancelWait`
 */
export async function cancelSession(
  handle: SessionHandle,
  parts: Parts,
  context: ProviderContext,
): Promise<void> {
  const id = textId(handle, 'session');
  const session = id === undefined ? undefined : await parts.api.session(id, context.signal);
  if (session && isOpen(session)) await archiveSoon(session.id, parts, context, true);
}

/** Archives the session, and others of the same attempt that came to light late. A held start is left as it is. */
export async function releaseSession(
  handle: SessionHandle,
  parts: Parts,
  context: ProviderContext,
): Promise<void> {
  const held = phaseOf(handle) === 'start-sent' && textId(handle, 'onUnknown') === 'hold';
  if (held) return;
  const id = textId(handle, 'session');
  if (id !== undefined && handle.ids['archived'] !== true) await archiveSoon(id, parts, context, false);
  if (handle.ids['strays'] !== true) return;
  const openedAt = textId(handle, 'openedAt');
  const { runKey, attempt } = handle;
  const late = await findSession(
    { runKey, attempt, ...(openedAt !== undefined && { openedAt }) },
    parts,
    context,
  );
  if (late && !late.kickedOff) await parts.api.archive(late.session.id, context.signal);
}

/** For seconds after its end a session can't be archived. */
async function archiveSoon(
  id: string,
  { api, options }: Parts,
  context: ProviderContext,
  interrupting: boolean,
): Promise<void> {
  const waitMs = durationMs(options.cancelWait);
  for (let waitedMs = 0; ; waitedMs += LOOK_AGAIN_MS) {
    if (interrupting) await api.interrupt(id, context.signal);
    if (!interrupting || waitedMs > 0) {
      if ((await api.archive(id, context.signal)) === 'archived') return;
    }
    if (waitedMs >= waitMs) break;
    await pause(LOOK_AGAIN_MS, context);
  }
  throw new AdapterError('transient', `session ${id} can’t be archived yet: it still counts as running`, {
    sent: 'rejected',
  });
}
