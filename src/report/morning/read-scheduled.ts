import { readNights, type NightsLedger } from '../../nights/read-nights.js';
import { SERVED } from '../../policy/seen-nights.js';
import type { commandsAt } from './commands.js';
import type { PlannedNight } from './model.js';
import { plannedNight, scheduledPart, type Scheduled } from './scheduled.js';

/** Nights that one report is said to be of; a batch without editions may serve every night there is. */
const PLANNED_MAX = 50;

/**
 * What schedules add to the report of a batch, from the ledger alone.
 * @param batch its name: whose nights are looked at, those of all where there is none; its id: which nights it serves
 */
export async function readScheduled(
  { name, id }: { readonly name?: string | undefined; readonly id?: string | undefined },
  ledger: NightsLedger,
  now: Date,
  command: ReturnType<typeof commandsAt>,
): Promise<Scheduled> {
  const schedules = await readNights(ledger, now, name);
  return scheduledPart(schedules, id === undefined ? [] : await nightsServed(id, ledger), command);
}

async function nightsServed(batchId: string, ledger: NightsLedger): Promise<readonly PlannedNight[]> {
  const zones = new Map(
    (await ledger.keptSchedules()).map(({ definition: { name, timeZone } }) => [name, timeZone]),
  );
  const served = new Map<string, PlannedNight>();
  for (const row of await ledger.scheduledNights({ batchId })) {
    const timeZone = zones.get(row.schedule);
    if (timeZone === undefined || !SERVED.has(row.outcome)) continue;
    served.set(`${row.schedule} ${row.night}`, plannedNight(row, timeZone));
  }
  return [...served.values()].sort((a, b) => b.night.localeCompare(a.night)).slice(0, PLANNED_MAX);
}
