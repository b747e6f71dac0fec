import { durationMs } from '../../../contract/batch-file.js';
import { phaseOf, textId } from '../managed/handle.js';
import { pause } from '../managed/pause.js';
import type { JudgeOptions } from '../managed/ruling.js';
import type { ProviderContext, SessionHandle } from '../provider.js';
import type { GeminiApi } from './api.js';
import type { AntigravityOptions } from './options.js';
import { progressOf } from './poll.js';

interface Parts {
  readonly api: GeminiApi;
  readonly options: AntigravityOptions;
  readonly judgeOptions: () => JudgeOptions;
}

const LOOK_AGAIN_MS = 2_000;

/**
 * Ends a run, and waits for its end a while, because its tokens are known only then. A run whose id is not known is
 * ended by taking its sandbox away.
 */
export async function cancelRun(
  handle: SessionHandle,
  { api, options, judgeOptions }: Parts,
  context: ProviderContext,
): Promise<void> {
  const id = textId(handle, 'interaction');
  if (id === undefined) {
    const environment = textId(handle, 'environment');
    if (environment !== undefined) await api.deleteEnvironment(environment, context.signal);
    return;
  }
  await api.cancel(id, context.signal);
  const waitMs = durationMs(options.cancelWait);
  for (let waitedMs = 0; waitedMs < waitMs; waitedMs += LOOK_AGAIN_MS) {
    const run = await api.interaction(id, context.signal);
    if (!run || progressOf(run, 0, judgeOptions()).kind !== 'running') return;
    await pause(LOOK_AGAIN_MS, context);
    // The service was seen to answer that it has no such method; asking twice does no harm.
    await api.cancel(id, context.signal);
  }
}

/** Deletes the sandbox and the record. A start that is held for a person is left as it is: it is the evidence. */
export async function releaseRun(
  handle: SessionHandle,
  { api, options }: Parts,
  { signal }: ProviderContext,
): Promise<void> {
  const held = phaseOf(handle) === 'start-sent' && textId(handle, 'onUnknown') === 'hold';
  if (held) return;
  const environment = textId(handle, 'environment');
  if (environment !== undefined) await api.deleteEnvironment(environment, signal);
  const id = textId(handle, 'interaction');
  if (id !== undefined && !options.keepRecords) await api.deleteInteraction(id, signal);
}
