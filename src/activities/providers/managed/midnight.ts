import { DAY_MS } from '../../../contract/units.js';

/** Milliseconds until the next midnight in a time zone, also on days on which its clocks are changed. */
export function msToMidnight(timeZone: string, now: Date): number {
  const ms = DAY_MS - timeOfDayMs(timeZone, now);
  const there = timeOfDayMs(timeZone, new Date(now.getTime() + ms));
  // The clock shows another time than midnight where the day was an hour longer or shorter than others.
  return there > DAY_MS / 2 ? ms + (DAY_MS - there) : ms - there;
}

function timeOfDayMs(timeZone: string, at: Date): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const part = (type: string): number => Number(parts.find((one) => one.type === type)?.value ?? 0);
  return ((part('hour') * 60 + part('minute')) * 60 + part('second')) * 1000 + at.getMilliseconds();
}
