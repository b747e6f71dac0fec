import type { ScheduleDefinition } from '../contract/schedules-file.js';
import type { BatchRow, NightRow } from '../ledger/ledger.js';
import { nightTitle } from '../policy/night-alerts.js';
import { localTime } from '../report/format.js';
import type { NightsLedger } from './read-nights.js';

/**
 * A run as people know it: by the night that it runs for, or by when it was started. Its id is a hash, which says nothing
 * to whoever reads why another night did not run.
 */
export async function runTitle(
  { id, openedAt, openedBy }: Pick<BatchRow, 'id' | 'openedAt' | 'openedBy'>,
  { name, timeZone }: Pick<ScheduleDefinition, 'name' | 'timeZone'>,
  ledger: Pick<NightsLedger, 'scheduledNights'>,
): Promise<string> {
  const begunFor = (await nightsBegun(id, ledger)).findLast(({ schedule }) => schedule === name);
  return begunFor
    ? `the night of ${nightTitle(begunFor.night, timeZone)}`
    : `the run that ${openedBy} started at ${localTime(openedAt, timeZone)}`;
}

/** What was said of the nights that the runs of a batch were started for, or joined by. */
export const nightsBegun = async (
  batchId: string,
  ledger: Pick<NightsLedger, 'scheduledNights'>,
): Promise<readonly NightRow[]> =>
  (await ledger.scheduledNights({ batchId })).filter(
    ({ outcome }) => outcome === 'started' || outcome === 'joined',
  );
