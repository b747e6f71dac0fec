import type { Definition } from '../contract/batch-file.js';
import { jobTitle } from '../contract/job.js';
import { STOP_LOSS } from '../contract/messages.js';
import type { AlertRow } from '../ledger/alert-rows.js';
import type { BatchRow, Ledger } from '../ledger/ledger.js';
import type { AlertCause } from '../policy/alerts.js';
import { isFailing, paceCauses, stillAtMostMs, type Pace } from '../policy/pace.js';
import { resumedMs } from '../policy/pauses.js';
import type { RunsOfName } from './runs-of-name.js';
import type { Standing } from './standing.js';

export interface PaceLook {
  readonly causes: readonly AlertCause[];
  /** Whether its alert about a standstill is over while it is under way: something has come of a job since. */
  readonly isOver: boolean;
}

interface LookedAt {
  readonly batch: BatchRow;
  readonly definition: Definition;
  readonly standing: Standing;
}

/**
 * What is to be told of how a batch gets on.
 * @param open alerts of its name
 */
export async function paceLook(
  looked: LookedAt,
  runs: RunsOfName,
  open: readonly AlertRow[],
  { ledger, now }: { readonly ledger: Ledger; readonly now: Date },
): Promise<PaceLook> {
  const { batch, definition, standing } = looked;
  const { id, name, openedSeq } = batch;
  if (!runs.isUnderWay(id)) return { causes: [], isOver: false };
  const { jobs, waiting, commands } = standing;
  const pace = {
    ...{ name, batchId: id, openedSeq, jobs, waiting },
    ...(await stoppedBy(looked, ledger)),
    ...(await stillness(looked, ledger, now)),
  };
  const told = open.find(({ rule, batchId }) => rule === 'standstill' && batchId === id);
  return {
    causes: paceCauses(pace, definition, { nowMs: now.getTime(), commands }),
    isOver: told !== undefined && ((await ledger.lastMove(id, told.lastSeen)) ?? '') > told.lastSeen,
  };
}

/** PA1 */
async function stoppedBy(
  { batch: { id, state, stateBy, openedAt, openedSeq }, definition, standing }: LookedAt,
  ledger: Ledger,
): Promise<Pick<Pace, 'done' | 'stopped'>> {
  const { done: finished, gated, parked, held } = await ledger.counts(id, openedSeq);
  // What waits for a yes came out well. Of a job several effects may wait.
  const done = finished + Math.min(gated, standing.approvals.waiting);
  // A stop-loss has said it, and begins nothing more.
  const isSaid = state === 'paused' && stateBy === STOP_LOSS;
  // Earlier runs may have stopped some of them: of this one there are no more.
  const atMost = { jobs: standing.jobs, done, stopped: parked + held };
  if (isSaid || !isFailing(atMost, definition.warnAt)) return { done, stopped: [] };
  const meant = { states: ['parked', 'held'], changedSince: openedAt, brief: true } as const;
  const reports = await ledger.jobReports(id, meant);
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
