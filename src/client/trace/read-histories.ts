import type { Client } from '@temporalio/client';
import { isEngineConfigured, peekEngine } from '../../engine/index.js';
import type { Connections } from '../connections.js';
import { timeOf } from '../event-time.js';
import { engineEvents, failureText } from './engine-events.js';
import type { TraceEvent } from './event.js';

/** How much of what the engine knew could be read. */
export interface Histories {
  /** Runs whose history was read. */
  readonly read: number;
  /** Runs that the ledger names and the engine has forgotten. */
  readonly expired: number;
  /** Why nothing was read; undefined where the engine answered. */
  readonly unread: string | undefined;
}

/**
 * Reads the histories of all runs of a job. Starts no engine: one that does not run is not asked.
 * @param known runs that the ledger names
 */
export async function readHistories(
  workflowId: string,
  known: readonly string[],
  connections: Connections,
): Promise<{ readonly events: readonly TraceEvent[]; readonly histories: Histories }> {
  const { config } = connections;
  const none = (unread: string) => ({ events: [], histories: { read: 0, expired: 0, unread } });
  try {
    if (!isEngineConfigured(config) && !(await peekEngine(config.stateDir)))
      return none('no engine runs here');
    const client = await connections.client();
    const runIds = new Set(known);
    for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` }))
      runIds.add(runId);
    const events: TraceEvent[] = [];
    let read = 0;
    for (const runId of runIds) {
      const found = await historyOf(client, workflowId, runId);
      if (found === undefined) continue;
      read++;
      events.push(...found);
    }
    return { events, histories: { read, expired: runIds.size - read, unread: undefined } };
  } catch (error) {
    return none(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
}

async function historyOf(
  client: Client,
  workflowId: string,
  runId: string,
): Promise<TraceEvent[] | undefined> {
  const handle = client.workflow.getHandle(workflowId, runId);
  try {
    const [{ events }, { raw }] = [await handle.fetchHistory(), await handle.describe()];
    const now = (raw.pendingActivities ?? []).map((pending): TraceEvent => {
      const why = failureText(pending.lastFailure);
      const next =
        pending.scheduledTime && (pending.attempt ?? 1) > 1 ? `, due ${timeOf(pending.scheduledTime)}` : '';
      return {
        at: timeOf(pending.lastStartedTime ?? pending.scheduledTime),
        kind: 'try',
        text: `${pending.activityType?.name ?? 'step'} is under way: try ${pending.attempt ?? 1}${next}${why === undefined ? '' : `, after ${why}`}`,
        tone: why === undefined ? 'plain' : 'bad',
        source: 'engine',
        runId,
        attempt: pending.attempt ?? 1,
      };
    });
    return [...engineEvents(runId, events ?? []), ...now];
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowNotFoundError') return undefined;
    throw error;
  }
}
