import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { DAY_MS } from '../contract/units.js';
import type { KeptSchedule, Ledger, NightRow } from '../ledger/ledger.js';
import { seenNights, standingOf, type NightsStanding, type SeenNight } from '../policy/seen-nights.js';

export interface ScheduleNights extends NightsStanding {
  readonly kept: KeptSchedule;
  /** Of the last weeks, oldest first. */
  readonly nights: readonly SeenNight[];
}

export type NightsLedger = Pick<Ledger, 'keptSchedules' | 'scheduledNights' | 'batch' | 'counts'>;

/** What is older has been seen, or nobody looks. */
const SHOWN_MS = 14 * DAY_MS;
/** As far as missed nights are looked for. */
const READ_MS = 63 * DAY_MS;

/** How the nights of all schedules stand, or of those of one batch. Asks the ledger alone. */
export async function readNights(
  ledger: NightsLedger,
  now: Date,
  batchName?: string,
): Promise<readonly ScheduleNights[]> {
  const schedules = (await ledger.keptSchedules()).filter(
    (kept) => batchName === undefined || kept.batchName === batchName,
  );
  return Promise.all(schedules.map((kept) => nightsOf(kept, ledger, now)));
}

async function nightsOf(kept: KeptSchedule, ledger: NightsLedger, now: Date): Promise<ScheduleNights> {
  const { definition, paused } = kept;
  const rows = await recentRows(definition, ledger, now);
  const shownSince = new Date(now.getTime() - SHOWN_MS).toISOString();
  const nights = seenNights(definition, rows, now, paused).filter(({ dueAt }) => dueAt >= shownSince);
  const standing = await standingOf(nights, (batchId) => ledger.batch(batchId));
  return { kept, nights, ...standing };
}

/** What was said of the nights of a schedule, as far back as missed ones are looked for. */
export const recentRows = (
  { name, since }: ScheduleDefinition,
  ledger: Pick<Ledger, 'scheduledNights'>,
  now: Date,
): Promise<readonly NightRow[]> =>
  ledger.scheduledNights({
    schedule: name,
    since: new Date(Math.max(Date.parse(since), now.getTime() - READ_MS)).toISOString(),
  });
