import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { DAY_MS } from '../contract/units.js';
import type { BatchRow, NewNight, NightOutcome, NightRow } from '../ledger/ledger.js';
import { missedNights } from './missed-nights.js';

/** A night as people are shown it: what was said of it last. */
export interface SeenNight extends Omit<NewNight, 'runId' | 'batchId' | 'outcome'> {
  readonly outcome: NightOutcome | 'late';
  readonly batchId?: string;
  /** When that was said; absent where nobody has said anything yet. */
  readonly saidAt?: string;
}

/** Nights that nobody served, and that nobody wanted to be left out. */
export const UNSERVED: ReadonlySet<SeenNight['outcome']> = new Set([
  'skipped',
  'stale',
  'missed',
  'failed',
  'late',
]);

/** Nights that a batch serves. */
export const SERVED: ReadonlySet<SeenNight['outcome']> = new Set([
  'started',
  'joined',
  'finished',
  'attached',
]);

/** All nights of a schedule, oldest first: those that something was said of, and those that nobody came to. */
export function seenNights(
  schedule: ScheduleDefinition,
  rows: readonly NightRow[],
  now: Date,
  paused: boolean,
): readonly SeenNight[] {
  const { late, gone } = missedNights(schedule, rows, now, paused ? 'paused' : 'missed');
  return [
    ...lastWords(rows).map((row) => (waitsTooLong(row, now) ? stillWaits(row) : saidOf(row))),
    ...gone.map(seen),
    ...late.map((night): SeenNight => ({ ...seen(night), outcome: 'late', why: LATE })),
  ].sort((a, b) => a.dueAt.localeCompare(b.dueAt));
}

/** Longer than a night should wait for another. What waits may be gone, and a ledger is never told. */
const WAIT_MS = DAY_MS;

/** Counted from when it began to wait: a night that is made up for may have been due long ago. */
const waitsTooLong = ({ outcome, at }: NightRow, now: Date): boolean =>
  outcome === 'queued' && now.getTime() - Date.parse(at) > WAIT_MS;

const saidOf = (row: NightRow): SeenNight => ({ ...seen(row), saidAt: row.at });

/** Without `saidAt`: that it is late is known from now on, whatever ran since it began to wait. */
const stillWaits = (row: NightRow): SeenNight => ({
  ...seen(row),
  outcome: 'late',
  why: `it has waited for its turn for more than a day, if its run is still there: ${row.why}`,
});

const LATE = 'no worker has taken it yet, or the engine was down; it may still come';

/** A night may be spoken of often: skipped, then triggered by hand. What was said last holds. */
export function lastWords(rows: readonly NightRow[]): readonly NightRow[] {
  const last = new Map<string, NightRow>();
  for (const row of rows) if (row.outcome !== 'repeated') last.set(row.night, row);
  return [...last.values()];
}

const seen = ({ schedule, night, dueAt, edition, outcome, why, by, batchId }: Said): SeenNight => ({
  schedule,
  night,
  dueAt,
  edition,
  outcome,
  why,
  by,
  ...(batchId !== undefined && { batchId }),
});
type Said = Omit<NewNight, 'batchId' | 'runId'> & { readonly batchId?: string | undefined };

/** How nights stand. */
export interface NightsStanding {
  /** Unserved, and no later night has run to its end since that was known; neighbours together, oldest first. */
  readonly gaps: readonly (readonly SeenNight[])[];
  /** The newest night ran to its end. */
  readonly good: boolean;
}

/** @param batchOf how the batch of a night stands; undefined where the ledger has none */
export async function standingOf(
  nights: readonly SeenNight[],
  batchOf: (batchId: string) => Promise<Pick<BatchRow, 'state' | 'closedAt'> | undefined>,
): Promise<NightsStanding> {
  const gaps: SeenNight[][] = [];
  let gap: SeenNight[] = [];
  /** The newest night that ran to its end, and when it had. */
  let lastGood: { readonly night: SeenNight; readonly endedAt: string } | undefined;
  let newest: SeenNight | undefined;
  for (const night of nights.toReversed()) {
    if (night.outcome !== 'paused') newest ??= night;
    if (isOpen(night)) {
      gap.unshift(night);
      continue;
    }
    if (gap.length > 0) gaps.unshift(gap);
    gap = [];
    const endedAt = lastGood ? undefined : await endOf(night);
    if (endedAt !== undefined) lastGood = { night, endedAt };
  }
  if (gap.length > 0) gaps.unshift(gap);
  return { gaps, good: newest !== undefined && newest === lastGood?.night };

  function isOpen({ outcome, saidAt }: SeenNight): boolean {
    if (!UNSERVED.has(outcome)) return false;
    return saidAt === undefined || lastGood === undefined || saidAt >= lastGood.endedAt;
  }

  async function endOf({ outcome, batchId, saidAt = '' }: SeenNight): Promise<string | undefined> {
    if (outcome === 'empty') return saidAt;
    if (!SERVED.has(outcome) || batchId === undefined) return undefined;
    const batch = await batchOf(batchId);
    if (batch?.state !== 'completed' && batch?.state !== 'incomplete') return undefined;
    // A batch that was done before the night came serves it from when that was said.
    const closedAt = batch.closedAt ?? '';
    return closedAt > saidAt ? closedAt : saidAt;
  }
}
