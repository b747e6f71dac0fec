import type { Overlap, ScheduleDefinition } from '../contract/schedules-file.js';
import type { NightRow } from '../ledger/ledger.js';
import { fireTimes } from './fire-times.js';
import { GRACE_MS } from './missed-nights.js';
import { editionOf } from './nights.js';
import { SERVED } from './seen-nights.js';

/** Nights that begin of those that an outage has brought together: with `queue` one runs and one waits. */
export const BEGIN_MOST: Readonly<Record<Overlap, number>> = {
  skip: 1,
  attach: 1,
  'cancel-older': 1,
  queue: 2,
};

/** Times after that night, of other editions, which an outage may have brought together with it; the newest first. */
export function dueSince(
  schedule: Pick<ScheduleDefinition, 'crons' | 'timeZone' | 'edition' | 'since'>,
  night: { readonly dueAt: string; readonly edition: string },
  now: Date,
): readonly Date[] {
  const due = Date.parse(night.dueAt);
  if (now.getTime() - due <= GRACE_MS) return [];
  const { timeZone, edition, since } = schedule;
  const from = new Date(Math.max(due + 1000, Date.parse(since)));
  return fireTimes(schedule, from, now)
    .filter((at) => editionOf(at, timeZone, edition) !== night.edition)
    .reverse();
}

/**
 * Whether the night of that time runs, ran or is to come, as far as the ledger and the clock tell.
 * @param said what was said of it last
 * @returns undefined where only the engine knows: whether it was handed on before, and waits for a worker
 */
export function comesAsWell(
  at: Date,
  said: Pick<NightRow, 'outcome'> | undefined,
  { catchUpMs }: Pick<ScheduleDefinition, 'catchUpMs'>,
  now: Date,
  isPaused: boolean,
): boolean | undefined {
  if (said) return SERVED.has(said.outcome) || said.outcome === 'queued';
  return !isPaused && now.getTime() - at.getTime() <= catchUpMs ? true : undefined;
}
