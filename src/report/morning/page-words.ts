import { localTime, plural } from '../format.js';
import type { Cause, Night } from './model.js';
import { spanOfTime } from './words.js';

/** When it was, and who began it. */
export function whenOf({ begunAt, openedAt, closedAt, openedBy }: Night, timeZone: string): string {
  const span = spanOfTime(begunAt, closedAt, timeZone);
  const again = begunAt < openedAt ? `; started again ${localTime(openedAt, timeZone)}` : '';
  return `${span}${again}. Started by ${openedBy}.`;
}

/** Whether nights before had it too. */
export function recurrenceOf({ nightsBefore, nightsKnown }: Cause): string {
  if (nightsKnown === 0) return 'first night';
  if (nightsBefore === 0) return `new: not in the ${plural(nightsKnown, 'night')} before`;
  return `in ${nightsBefore} of the ${plural(nightsKnown, 'night')} before`;
}
