import { z } from 'zod';

export const timeOfDaySchema = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as "02:30"')
  .describe('local time of day, such as "02:30"');

export const timeZoneSchema = z
  .string()
  .refine(isTimeZone, 'must be a time zone such as "UTC" or "Europe/Madrid"');

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name });
    return true;
  } catch {
    return false; // a RangeError is the answer
  }
}
