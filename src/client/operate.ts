import { WorkflowNotFoundError } from '@temporalio/common';
import { UsageError } from '../contract/errors.js';
import type { PauseLevel } from '../contract/holds.js';
import { MESSAGE, isConcurrency, type ControlRequest, type ControlState } from '../contract/messages.js';
import type { JobReport } from '../contract/result.js';
import { isUnderWay } from '../contract/states.js';
import { isInProgress } from '../ledger/job-state.js';
import type { BatchRow, RequestKind } from '../ledger/ledger.js';
import { levelMeant } from '../policy/hold.js';
import { jobWorkflowId } from '../identity/workflow-ids.js';
import { audited, reasonAbout } from './audited.js';
import { requestCancel } from './cancel-request.js';
import type { Connections } from './connections.js';
import { eachAtOnce } from './each-at-once.js';
import { whileHosted } from './hosted.js';
import { isWorkflowFailed, untilEnded } from './run-end.js';
import { runLeftAlone, runUnderWay } from './run-under-way.js';
import { tellBatch } from './tell-batches.js';
import { untilQuiet } from './until-quiet.js';
import { isWorkerAlive } from './worker-host.js';

/**
 * `answered`: the batch has answered · `queued`: no worker runs, so the engine keeps the message and the batch will
 * act on it before anything else · `ended`: the batch is not running, there is nothing to do.
 */
export type Answer<T> =
  { readonly kind: 'answered'; readonly state: T } | { readonly kind: 'queued' } | { readonly kind: 'ended' };

export interface PauseOptions {
  readonly reason?: string;
  /** Of a pause; unless given, what is on already, and `finish` at least. */
  readonly level?: PauseLevel;
}

/** A worker that lives answers an update within this time, or is too busy to be waited for. */
const ANSWER_MS = 30_000;

export async function controlBatch(
  verb: 'pause' | 'resume',
  row: BatchRow,
  connections: Connections,
  { reason, level }: PauseOptions = {},
): Promise<Answer<ControlState>> {
  return audited(
    await connections.ledger(),
    requestFor(verb, row, connections, reason),
    async () => {
      const request: ControlRequest = {
        by: connections.who,
        noted: true,
        ...(reason !== undefined && { reason }),
        ...(verb === 'pause' && level !== undefined && { level }),
      };
      const answer = await ask<ControlState>(MESSAGE[verb], [request], row, connections);
      if (answer.kind === 'ended') return answer;
      if (verb === 'resume') {
        await endUnheardPause(row, reason, connections);
        return answer;
      }
      if (answer.kind === 'queued') await noteUnheard(row, request, connections);
      await untilQuiet({ kind: 'batch', name: row.id }, levelMeant(level, row.pauseLevel), connections);
      return answer;
    },
    ({ kind }) => ({ outcome: kind }),
  );
}

/** @throws UsageError */
export function assertConcurrency(concurrency: number): void {
  if (!isConcurrency(concurrency))
    throw new UsageError(`the concurrency is a whole number from 1 to 500, not ${concurrency}`);
}

/** What was asked for, for the ledger. */
export const concurrencyText = (concurrency: number): string => `${concurrency} at once`;

/** Jobs in progress at once, from now on. @param reason kept with the request */
export async function setConcurrency(
  row: BatchRow,
  concurrency: number,
  connections: Connections,
  reason?: string,
): Promise<Answer<ControlState>> {
  assertConcurrency(concurrency);
  const told: ControlRequest = { by: connections.who, noted: true };
  return audited(
    await connections.ledger(),
    requestFor('concurrency', row, connections, reasonAbout(concurrencyText(concurrency), reason)),
    // Workers of older releases take a number, and leave alone what follows it.
    () => ask<ControlState>(MESSAGE.setConcurrency, [concurrency, told], row, connections),
    ({ kind }) => ({ outcome: kind }),
  );
}

/**
 * No worker has acted on the pause yet, and the first that comes might begin something before it does: it asks the
 * ledger first.
 */
async function noteUnheard(
  { id }: BatchRow,
  { by, reason, level }: ControlRequest,
  connections: Connections,
): Promise<void> {
  const ledger = await connections.ledger();
  if ((await ledger.batch(id))?.state !== 'running') return;
  await ledger.setBatchState(id, 'paused', by, reason, level);
}

/**
 * A pause that no worker has acted on is written in the ledger alone. The batch may never hear of it, for the resume
 * comes with it, and would leave it there: jobs would wait for ever.
 */
async function endUnheardPause(
  row: BatchRow,
  reason: string | undefined,
  connections: Connections,
): Promise<void> {
  const ledger = await connections.ledger();
  if (row.state !== 'paused' || !(await ledger.endPause(row, connections.who, reason))) return;
  await tellBatch(row.id, await connections.client()); // jobs that met the pause look again
}

export const requestFor = <W extends RequestKind>(
  what: W,
  row: BatchRow,
  { who }: Connections,
  reason?: string,
) => ({
  by: who,
  what,
  batch: { id: row.id, name: row.name, key: row.key },
  work: row.work,
  runId: row.runId,
  ...(reason !== undefined && { reason }),
});

/** By update where a worker can answer, else by the signal of the same name. */
async function ask<T>(
  message: string,
  args: [unknown, ...unknown[]],
  { id }: BatchRow,
  connections: Connections,
): Promise<Answer<T>> {
  const client = await connections.client();
  const handle = client.workflow.getHandle(id);
  try {
    if (!(await isWorkerAlive(connections))) {
      await handle.signal(message, ...args);
      return { kind: 'queued' };
    }
    try {
      const state = await client.connection.withDeadline(Date.now() + ANSWER_MS, () =>
        handle.executeUpdate<T, [unknown, ...unknown[]]>(message, { args }),
      );
      return { kind: 'answered', state };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw error;
      // The worker is there but does not answer: stopped, or drowned in work. The engine keeps a signal for it.
      await handle.signal(message, ...args);
      return { kind: 'queued' };
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { kind: 'ended' };
    throw error;
  }
}

export interface CancelState {
  /** Jobs whose sessions could not be ended at their service, and may run on and cost; each says which, and what to do. */
  readonly mayRunOn: readonly JobReport[];
}

/** Asks the batch to end: sessions are cancelled, effects under way finish. A worker is hosted for that if none lives. */
export async function cancelBatch(
  row: BatchRow,
  connections: Connections,
  reason?: string,
): Promise<Answer<CancelState>> {
  return audited(
    await connections.ledger(),
    requestFor('cancel', row, connections, reason),
    () => cancel(row, connections, reason),
    ({ kind }) => ({ outcome: kind }),
  );
}

async function cancel(
  { id }: BatchRow,
  connections: Connections,
  reason?: string,
): Promise<Answer<CancelState>> {
  const client = await connections.client();
  const asked = await askedToEnd(id, await runUnderWay(id, client), connections, reason);
  if (asked) await untilAllEnded([asked], connections);
  // A run that was terminated, or cancelled before it had opened, could not tell the ledger.
  const ledger = await connections.ledger();
  const row = await ledger.batch(id);
  const isItsOwn = asked === undefined || row?.runId === asked.runId;
  if (isItsOwn && isUnderWay(row?.state)) {
    await ledger.setBatchState(id, 'cancelled', connections.who, reason);
  }
  const left = await cancelLeft(id, connections, reason);
  if (asked === undefined && left === 0) return { kind: 'ended' };
  const cancelled = await ledger.jobReports(id, { states: ['cancelled'] });
  return { kind: 'answered', state: { mayRunOn: cancelled.filter(({ error }) => error?.class === 'lost') } };
}

/**
 * Ends the jobs that a run of the batch left waiting for a person when it was stopped: they live on without it, also when
 * they were answered meanwhile.
 * @returns how many
 */
async function cancelLeft(
  batchId: string,
  connections: Connections,
  reason: string | undefined,
): Promise<number> {
  const ledger = await connections.ledger();
  const client = await connections.client();
  const asked = (await ledger.approvals({ batchId, waiting: false })).filter(
    (approval) => approval.batchId === batchId && isInProgress(approval.jobState),
  );
  const runs: Run[] = [];
  await eachAtOnce(new Set(asked.map(jobWorkflowId)), CANCELS_AT_ONCE, async (workflowId) => {
    const run = await askedToEnd(workflowId, await runLeftAlone(workflowId, client), connections, reason);
    if (run) runs.push(run);
  });
  if (runs.length > 0) await untilAllEnded(runs, connections);
  return runs.length;
}

const CANCELS_AT_ONCE = 20;

/** Of Workflows that were asked to end. A worker is hosted for that if none lives. */
async function untilAllEnded(runs: readonly Run[], connections: Connections): Promise<void> {
  await whileHosted(connections, (ended) =>
    eachAtOnce(runs, CANCELS_AT_ONCE, async (run) => {
      try {
        await untilEnded(run, connections, ended);
      } catch (error) {
        // It ends Cancelled, which is what was asked for.
        if (!isWorkflowFailed(error) && !(error instanceof WorkflowNotFoundError)) throw error;
      }
    }),
  );
}

interface Run {
  readonly workflowId: string;
  readonly runId: string;
}

/** @returns the run that was asked; undefined when there is none to cancel */
async function askedToEnd(
  workflowId: string,
  runId: string | undefined,
  connections: Connections,
  reason: string | undefined,
): Promise<Run | undefined> {
  if (runId === undefined) return undefined;
  const run = { workflowId, runId };
  const isAsked = await requestCancel(run, { by: connections.who, reason }, await connections.client());
  return isAsked ? run : undefined;
}
