import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockFinding } from './clock-finding.js';
import type { Connections } from './connections.js';
import type { Finding } from './doctor.js';

/** Longest that the engine is waited for. */
const ANSWER_MS = 3_000;
const LOOK_MS = 50;
/** The engine refuses a poll that has no deadline, or a short one; ours is ended long before. */
const POLL_MS = 60_000;

/**
 * How far the engine's clock is before ours. The engine tells the time to nobody who asks, but it notes when it last
 * heard of a worker: so one asks for work for a moment, at a queue of its own where there is none.
 * @returns undefined where the engine did not say
 */
async function engineAheadMs(connections: Connections): Promise<number | undefined> {
  const { connection, workflowService, options } = await connections.client();
  const { namespace } = options;
  const identity = `nightshift-doctor-${randomUUID()}`;
  const taskQueue = { name: identity };
  const done = new AbortController();
  const askedMs = Date.now();
  const poll = () => workflowService.pollWorkflowTaskQueue({ namespace, taskQueue, identity });
  const asking = connection
    .withDeadline(askedMs + POLL_MS, () => connection.withAbortSignal(done.signal, poll))
    .catch(() => undefined); // ended by us; where it may not ask at all, it is not heard of either
  try {
    while (Date.now() - askedMs < ANSWER_MS) {
      const { pollers } = await workflowService.describeTaskQueue({
        namespace,
        taskQueue,
        taskQueueType: 1, // TASK_QUEUE_TYPE_WORKFLOW
      });
      const heardAt = pollers?.find((poller) => poller.identity === identity)?.lastAccessTime;
      if (heardAt) {
        const theirsMs = Number(heardAt.seconds ?? 0) * 1000 + (heardAt.nanos ?? 0) / 1e6;
        return theirsMs - (askedMs + Date.now()) / 2;
      }
      await sleep(LOOK_MS);
    }
    return undefined;
  } finally {
    done.abort();
    await asking;
  }
}

/** An embedded engine has this host's clock. */
export async function engineClock(connections: Connections): Promise<Finding[]> {
  if ((await connections.engine()).kind === 'embedded') return [];
  const aheadMs = await engineAheadMs(connections);
  if (aheadMs !== undefined) return [clockFinding('engine', aheadMs)];
  return [{ subject: 'clock of the engine', status: 'warn', detail: 'the engine did not tell the time' }];
}
