import { setTimeout as timer } from 'node:timers/promises';
import type { ProviderContext } from '../provider.js';

/** Waits a settle time of a service. @throws AbortError when `context.signal` is aborted meanwhile */
export async function pause(ms: number, context: ProviderContext): Promise<void> {
  if (context.sleep) await context.sleep(ms);
  else await timer(ms, undefined, { signal: context.signal });
}
