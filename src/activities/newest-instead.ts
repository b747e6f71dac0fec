import { nightWorkflowId } from '../client/schedules/engine-schedule.js';
import type { Overlap, ScheduleDefinition } from '../contract/schedules-file.js';
import { BEGIN_MOST, comesAsWell, dueSince } from '../policy/catch-up.js';
import { editionOf, nightOf } from '../policy/nights.js';
import { lastWords } from '../policy/seen-nights.js';
import type { Deps } from './deps.js';
import { isRunning } from './overlap.js';

/** Times that are looked at, the newest: each may be a question to the engine. */
const LOOKS_MAX = 50;

/**
 * The engine hands on all nights of an outage at once and in no order, so each sees by itself whether newer ones come
 * instead of it. A newer one that nobody will start, as for a pause or since the engine was down for longer than it
 * catches up, takes no place.
 * @returns the newest night, where this one leaves its place to newer ones
 */
export async function newestInstead(
  schedule: ScheduleDefinition,
  night: { readonly dueAt: string; readonly edition: string },
  rule: Overlap,
  { ledger, client, now }: Pick<Deps, 'ledger' | 'client' | 'now'>,
): Promise<string | undefined> {
  const { name, timeZone } = schedule;
  const times = dueSince(schedule, night, now()).slice(0, LOOKS_MAX);
  if (times.length === 0) return undefined;
  const rows = lastWords(await ledger.scheduledNights({ schedule: name, since: night.dueAt }));
  const said = new Map(rows.map((row) => [row.night, row]));
  const isPaused = (await ledger.keptSchedules()).some(
    ({ definition, paused }) => definition.name === name && paused,
  );
  const editions = new Set<string>();
  let newest: Date | undefined;
  for (const at of times) {
    const comes =
      comesAsWell(at, said.get(nightOf(at, timeZone)), schedule, now(), isPaused) ??
      (await isRunning(nightWorkflowId(name, at), { client }));
    if (!comes) continue;
    newest ??= at;
    editions.add(editionOf(at, timeZone, schedule.edition));
    if (editions.size >= BEGIN_MOST[rule]) return nightOf(newest, timeZone);
  }
  return undefined;
}
