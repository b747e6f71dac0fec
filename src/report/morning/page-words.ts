import { localTime, plural } from '../format.js';
import type { DeadlineStanding } from '../../policy/deadline.js';
import type { Cause, MissedNight, Night, PlannedNight } from './model.js';
import { plannedText } from './scheduled.js';
import { spanOfTime } from './words.js';

/** When it was, and who began it. */
export function whenOf({ begunAt, openedAt, closedAt, openedBy }: Night, timeZone: string): string {
  const span = spanOfTime(begunAt, closedAt, timeZone);
  const again = begunAt < openedAt ? `; started again ${localTime(openedAt, timeZone)}` : '';
  return `${span}${again}. Started by ${openedBy}.`;
}

/** When the run was to be over, and whether it was. */
export const deadlineText = ({ text }: DeadlineStanding): string => `Deadline ${text}.`;

const PLANNED_SHOWN = 3;

/** Which nights of which schedules a report is of. */
export function nightsOf(planned: readonly PlannedNight[]): string {
  const shown = planned.slice(0, PLANNED_SHOWN).map(plannedText).join('; ');
  const more = planned.length - PLANNED_SHOWN;
  return `${planned.length === 1 ? 'Night' : 'Nights'} of ${shown}${more > 0 ? `; and ${plural(more, 'night')} before` : ''}.`;
}

export const MISSED_WORDS: Readonly<Record<MissedNight['what'], string>> = {
  skipped: 'skipped',
  missed: 'missed',
  failed: 'not started',
  paused: 'paused',
  late: 'late',
};

/** Whether nights before had it too. */
export function recurrenceOf({ nightsBefore, nightsKnown }: Cause): string {
  if (nightsKnown === 0) return 'first night';
  if (nightsBefore === 0) return `new: not in the ${plural(nightsKnown, 'night')} before`;
  return `in ${nightsBefore} of the ${plural(nightsKnown, 'night')} before`;
}
