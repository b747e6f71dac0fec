import { cancellationSignal, cancelled } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { setMaxListeners } from 'node:events';
import { keepAlive } from './heartbeat.js';

/** How long the calls of one wait may leave their listeners behind. */
const SLICE_MS = 10 * 60_000;

/**
 * Waits, for days if need be, until the Workflow has ended; the running Activity heartbeats meanwhile.
 * @throws what `handle.result()` throws; a CancelledFailure once the Activity is cancelled
 */
export async function runResult(client: Client, workflowId: string): Promise<unknown> {
  const stopHeartbeat = keepAlive(() => workflowId);
  const handle = client.workflow.getHandle(workflowId);
  try {
    for (;;) {
      const slice = sliceOf(cancellationSignal());
      try {
        return await client.connection.withAbortSignal(slice.signal, () => handle.result());
      } catch (error) {
        if (cancellationSignal().aborted) return await cancelled();
        if (!slice.signal.aborted) throw error;
      } finally {
        slice.end();
      }
    }
  } finally {
    stopHeartbeat();
  }
}

/**
 * The client adds a listener to its signal with each long poll and takes none off (`connection.js` of
 * `@temporalio/client`): what hangs on the signal of an Activity would stay for as long as the Activity.
 */
function sliceOf(signal: AbortSignal): { readonly signal: AbortSignal; end(): void } {
  const slice = new AbortController();
  setMaxListeners(0, slice.signal);
  const abort = (): void => slice.abort();
  const timer = setTimeout(abort, SLICE_MS);
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return {
    signal: slice.signal,
    end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}
