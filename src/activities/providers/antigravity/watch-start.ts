import { durationMs } from '../../../contract/batch-file.js';
import { textId, timeId } from '../managed/handle.js';
import { MANIFEST_NAME } from '../managed/manifest.js';
import { pollIntervalMs } from '../managed/poll-interval.js';
import { heldStart } from '../managed/unanswered.js';
import type { ProviderContext, SessionHandle, SessionProgress } from '../provider.js';
import type { GeminiApi } from './api.js';
import type { AntigravityOptions } from './options.js';
import { OUT_FOLDER } from './places.js';
import type { Environment } from './replies.js';
import { environmentOf } from './start.js';

/**
 * One look at a run whose start got no answer, so that its id is not known. What it leaves in its sandbox says whether
 * it lives: the manifest ends it, and without any sign the sandbox is deleted after a while, so that a start that is
 * still on its way fails too.
 *
 * Not proven at the service: that these signs appear, and that deleting a sandbox stops a run in it.
 */
export async function watchStart(
  handle: SessionHandle,
  { api, options }: { api: GeminiApi; options: AntigravityOptions },
  context: ProviderContext,
): Promise<SessionProgress> {
  const id = environmentOf(handle);
  const environment = await api.environment(id, context.signal);
  if (!environment) return { kind: 'lost', message: `the environment ${id} is gone, and its run with it` };

  const ageMs = context.now().getTime() - (timeId(handle, 'sentAt') ?? 0);
  const nextPollMs = pollIntervalMs(ageMs, options.pollInterval);
  const signs = await signsOfLife(handle, environment, api, context);
  // A last message can only be read by the run's id.
  if (options.output === 'file') {
    if (signs === 'done') return { kind: 'succeeded' };
    if (signs === 'alive') return { kind: 'running', nextPollMs, note: 'running, id unknown' };
  }
  if (ageMs < durationMs(options.unknownStartWait)) {
    return {
      kind: 'running',
      nextPollMs,
      note: 'the start got no answer; waiting for a sign',
    };
  }
  if (textId(handle, 'onUnknown') === 'hold') {
    return heldStart(`the start of a run in environment ${id} got no answer`);
  }
  await api.deleteEnvironment(id, context.signal);
  const seen =
    signs === 'none' ? 'and no sign of it was seen' : 'and its message can’t be read without its id';
  return { kind: 'lost', message: `the start got no answer ${seen}; its environment ${id} was deleted` };
}

type Signs = 'none' | 'alive' | 'done';

async function signsOfLife(
  handle: SessionHandle,
  { updated = '', last_accessed = '', file_count = '' }: Environment,
  api: GeminiApi,
  { signal }: ProviderContext,
): Promise<Signs> {
  const changed =
    updated !== textId(handle, 'seenUpdated') ||
    last_accessed !== textId(handle, 'seenAccess') ||
    file_count !== textId(handle, 'seenFiles');
  // Looking at files may itself count as a use of the sandbox: nothing is looked at before something has changed.
  if (!changed) return 'none';
  const manifest = await api.file(environmentOf(handle), `${OUT_FOLDER}/${MANIFEST_NAME}`, signal);
  return manifest ? 'done' : 'alive';
}
