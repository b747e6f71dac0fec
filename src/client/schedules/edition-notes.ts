import { readSettings, type Settings } from '../../batch/read-batch.js';
import type { WantedSchedule } from '../../batch/read-schedules.js';
import { InvalidBatch } from '../../contract/errors.js';
import { DAY_MS } from '../../contract/units.js';
import { fireTimes } from '../../policy/fire-times.js';
import { editionOf, nightOf } from '../../policy/nights.js';

type Due = Pick<WantedSchedule, 'batch' | 'crons' | 'timeZone' | 'edition'>;

/**
 * What is allowed, and is seldom meant: nights that will find everything done by an earlier one.
 * @returns undefined where there is nothing to say, or the batch file can't be read
 */
export async function editionNote(due: Due, from: Date): Promise<string | undefined> {
  let settings: Settings;
  try {
    settings = await readSettings(due.batch);
  } catch (error) {
    if (error instanceof InvalidBatch) return undefined;
    throw error;
  }
  if (settings.definition.identity.includes('edition')) return sharedEdition(due, from);
  return settings.areJobsListed
    ? 'its batch file lists its jobs, and has no "edition" in their identity: what one night has done, no later one does again'
    : undefined;
}

/** Two months: schedules of every month, in editions of a month, are looked at twice. */
const SPANS_DAYS = [2, 62];

function sharedEdition(due: Due, from: Date): string | undefined {
  const { timeZone, edition: rule } = due;
  if (rule === 'time') return undefined;
  for (const days of SPANS_DAYS) {
    let before: Date | undefined;
    for (const at of fireTimes(due, from, new Date(from.getTime() + days * DAY_MS))) {
      const edition = editionOf(at, timeZone, rule);
      if (before && editionOf(before, timeZone, rule) === edition) {
        const isOneDay = editionOf(before, timeZone, 'date') === editionOf(at, timeZone, 'date');
        const [first, second] = [before, at].map((each) => nightOf(each, timeZone).replace('T', ' '));
        return (
          `${first} and ${second} are both of edition ${edition}: the later night does only what the earlier one ` +
          `left undone; with "edition: ${isOneDay ? 'time' : 'date'}" each is a night of its own`
        );
      }
      before = at;
    }
  }
  return undefined;
}
