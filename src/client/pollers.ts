import { hasEndedHere } from '../engine/index.js';
import type { Connections } from './connections.js';

/** A worker, as the engine knows it. */
export interface Poller {
  readonly identity: string;
  /** When it last asked for work, in milliseconds since the epoch, by the engine's clock. */
  readonly askedMs: number;
}

/** Who asked for work at our task queue in the last minutes. */
export async function pollersOf(connections: Connections): Promise<readonly Poller[]> {
  const client = await connections.client();
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: connections.config.taskQueue },
    taskQueueType: 1, // TASK_QUEUE_TYPE_WORKFLOW
  });
  return (pollers ?? []).map(({ identity, lastAccessTime }) => ({
    identity: identity ?? '',
    askedMs: Number(lastAccessTime?.seconds ?? 0) * 1000,
  }));
}

/** A long poll is renewed about once a minute: so long the engine shows one whose worker is gone. */
export const isAsking = ({ identity, askedMs }: Poller): boolean =>
  askedMs > Date.now() - 65_000 && !hasEndedHere(identity);
