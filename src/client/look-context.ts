import { setTimeout as sleep } from 'node:timers/promises';
import type { PublisherContext } from '../activities/publishers/publisher.js';

/** What publishers get outside a worker, where they are asked and never told to do anything. */
export const lookContext = (signal: AbortSignal = new AbortController().signal): PublisherContext => ({
  signal,
  now: () => new Date(),
  sleep: (ms) => sleep(ms, undefined, { signal }),
});
