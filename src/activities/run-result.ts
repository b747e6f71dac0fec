import { cancellationSignal, cancelled } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { timeLimit } from '../time-limit.js';
import { keepAlive } from './heartbeat.js';

/**
 * The client adds a listener to its signal with each long poll and takes none off (`connection.js` of
 * `@temporalio/client`): what hangs on the signal of an Activity would stay for as long as the Activity.
 */
const SLICE_MS = 10 * 60_000;

/**
 * Waits, for days if need be, until the Workflow has ended; the running Activity heartbeats meanwhile.
 * @param until looked at every so often: whether that is enough, before the end; undefined is the answer then
 * @throws what `handle.result()` throws; a CancelledFailure once the Activity is cancelled
 */
export async function runResult(
  client: Client,
  workflowId: string,
  until?: { readonly everyMs: number; readonly isEnough: () => Promise<boolean> },
): Promise<unknown> {
  const stopHeartbeat = keepAlive(() => workflowId);
  const handle = client.workflow.getHandle(workflowId);
  try {
    for (;;) {
      const slice = timeLimit(until?.everyMs ?? SLICE_MS, cancellationSignal());
      try {
        return await client.connection.withAbortSignal(slice.signal, () => handle.result());
      } catch (error) {
        if (cancellationSignal().aborted) return await cancelled();
        if (!slice.signal.aborted) throw error;
        if (await until?.isEnough()) return undefined;
      } finally {
        slice.end();
      }
    }
  } finally {
    stopHeartbeat();
  }
}
