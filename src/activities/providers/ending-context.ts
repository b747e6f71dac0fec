import type { ProviderContext } from './provider.js';

/**
 * For a session that nobody goes on with: nothing of it is kept any more. Unless a signal is given nothing interrupts
 * it, for what cancelled the job must not keep its session from being ended.
 */
export const endingContext = (
  now: ProviderContext['now'],
  signal: ProviderContext['signal'] = new AbortController().signal,
): ProviderContext => ({ save: async () => undefined, signal, now });
