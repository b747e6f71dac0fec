import type { Connections } from './connections.js';
import { repeat } from './repeat.js';
import { whenStopped } from './watch-stopped.js';
import { WorkerHost } from './worker-host.js';

const HOST_CHECK_MS = 1000;

/**
 * Hosts a worker while no other process does: at once, or when that other process has ended. Rejects when it fails, but
 * not while the engine, or the ledger, is away.
 */
export const keepHosted = (host: WorkerHost, { outages }: Connections, signal: AbortSignal): Promise<void> =>
  repeat(HOST_CHECK_MS, signal, outages.asker(), () => host.takeIfFree());

/**
 * Waits for what only a worker can bring to its end, with one hosted here for as long as no other lives.
 * @throws WatchStopped when it is interrupted; what was asked for stays asked for
 */
export function whileHosted<T>(
  connections: Connections,
  act: (ended: AbortSignal) => Promise<T>,
): Promise<T> {
  return connections.whileHosting(async (signal) => {
    const host = new WorkerHost(connections);
    const ended = new AbortController();
    const stopped = whenStopped(host, signal, 'interrupted before it was done');
    const hosting = keepHosted(host, connections, ended.signal);
    try {
      const failed = hosting.then(() => new Promise<never>(() => undefined));
      return await Promise.race([act(ended.signal), stopped.raised, failed]);
    } finally {
      stopped.forget();
      ended.abort();
      await Promise.allSettled([hosting]);
      await host.stop();
    }
  });
}
