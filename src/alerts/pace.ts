import type { Definition } from '../contract/batch-file.js';
import { jobTitle } from '../contract/job.js';
import { STOP_LOSS } from '../contract/messages.js';
import type { AlertRow } from '../ledger/alert-rows.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import type { AlertCause } from '../policy/alerts.js';
import { paceCauses, stillAtMostMs, STOPPED_MIN, type Pace } from '../policy/pace.js';
import { resumedMs } from '../policy/pauses.js';
import type { RunsOfName } from './runs-of-name.js';
import type { Standing } from './standing.js';

export interface PaceLook {
  readonly causes: readonly AlertCause[];
  /** Whether an alert about a standstill is over: something has come of a job since, or its run has ended. */
  readonly isOver: RunsOfName['hasEnded'];
}

interface LookedAt {
  readonly batch: BatchRow;
  readonly definition: Definition;
  readonly standing: Standing;
}

/**
 * What is to be told of how a batch gets on, and of other runs of its name that nobody looks at any more.
 * @param open alerts of that name
 */
export async function paceLook(
  looked: LookedAt,
  runs: RunsOfName,
  open: readonly AlertRow[],
  { ledger, now }: { readonly ledger: Ledger; readonly now: Date },
): Promise<PaceLook> {
  const { batch, definition, standing } = looked;
  const { id, name, openedSeq } = batch;
  if (!runs.isUnderWay(id)) return { causes: [], isOver: runs.hasEnded };
  const { jobs, waiting, commands } = standing;
  const pace = {
    ...{ name, batchId: id, openedSeq, jobs, waiting },
    ...(await stoppedBy(batch, standing, ledger)),
    ...(await stillness(looked, ledger, now)),
  };
  const told = open.find(({ rule, batchId }) => rule === 'standstill' && batchId === id);
  const moves = told !== undefined && ((await ledger.lastMove(id, told.lastSeen)) ?? '') > told.lastSeen;
  return {
    causes: paceCauses(pace, definition, { nowMs: now.getTime(), commands }),
    isOver: (alert) => (alert.batchId === id ? moves : runs.hasEnded(alert)),
  };
}

/** PA1 */
async function stoppedBy(
  { id, state, stateBy, openedAt, openedSeq }: BatchRow,
  { approvals }: Pick<Standing, 'approvals'>,
  ledger: Ledger,
): Promise<Pick<Pace, 'done' | 'stopped'>> {
  const { done: finished, gated, parked, held } = await ledger.counts(id, openedSeq);
  // What waits for a yes came out well. Of a job several effects may wait.
  const done = finished + Math.min(gated, approvals.waiting);
  // A stop-loss has said it, and begins nothing more.
  const isSaid = state === 'paused' && stateBy === STOP_LOSS;
  if (isSaid || parked + held < STOPPED_MIN) return { done, stopped: [] };
  const reports = await ledger.jobReports(id, { states: ['parked', 'held'], changedSince: openedAt });
  const stopped = reports
    .filter(({ unapproved }) => unapproved === undefined)
    .map((job) => ({ ...job, title: jobTitle(job.identity) }));
  return { done, stopped };
}

const NOT_STILL = { stillSinceMs: undefined, inHand: 0 };

/** PA2. What costs more is asked only where nothing has said yet that it moves. */
async function stillness(
  { batch: { id, work, openedAt }, definition, standing }: LookedAt,
  ledger: Ledger,
  now: Date,
): Promise<Pick<Pace, 'stillSinceMs' | 'inHand'>> {
  const mostMs = stillAtMostMs(definition);
  const openedMs = Date.parse(openedAt);
  const isStill = (sinceMs: number) => mostMs !== undefined && now.getTime() - sinceMs >= mostMs;
  // One whose time for a look has passed may be asked by nobody tonight: a site that no job is for.
  const isClosed = standing.closed.some(({ retryAtMs }) => now.getTime() < retryAtMs);
  if (!isStill(openedMs) || isClosed) return NOT_STILL;
  const gate = { batchId: id, work, provider: definition.agent.use };
  if ((await ledger.holdOf(gate)) !== undefined) return NOT_STILL;
  const enough = new Date(now.getTime() - (mostMs ?? 0)).toISOString();
  const movedAt = await ledger.lastMove(id, enough);
  const resumed = resumedMs(await ledger.pauses(gate, openedAt));
  const sinceMs = Math.max(openedMs, resumed ?? 0, movedAt === undefined ? 0 : Date.parse(movedAt));
  if (!isStill(sinceMs)) return NOT_STILL;
  // Time in which nothing could be begun, for want of a service, of a budget or of a worker, says nothing of what runs now.
  const begun = await ledger.firstBegun(id, new Date(sinceMs).toISOString());
  const stillSinceMs = begun === undefined ? sinceMs : Date.parse(begun);
  if (!isStill(stillSinceMs)) return NOT_STILL;
  const { starting, sessions, effects } = await ledger.inHand({ kind: 'batch', name: id });
  const inHand = starting + sessions + effects;
  return inHand === 0 ? NOT_STILL : { stillSinceMs, inHand };
}
