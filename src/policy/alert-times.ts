import { DAY_MS, HOUR_MS, MINUTE_MS } from '../contract/units.js';

const REMIND_MS = 4 * HOUR_MS;
const REMIND_MAX_MS = 24 * HOUR_MS;

/** When an open alert is told again: after 4 hours, 8, 16, then once a day. */
export const nextReminder = (notifiedMs: number, reminders: number): number =>
  notifiedMs + Math.min(REMIND_MAX_MS, REMIND_MS * 2 ** Math.min(reminders, 10));

/** A message that nobody took is tried for so long; a day-old alarm helps nobody. */
export const DELIVERY_MAX_MS = 24 * HOUR_MS;

/** An end is tried for longer, over a weekend on which no worker runs: without it an incident stays open for ever. */
export const END_DELIVERY_MAX_MS = 7 * DAY_MS;

/** Wait after so many tries of a message that no channel took. */
export const redeliveryDelay = (tries: number): number =>
  Math.min(15 * MINUTE_MS, 15_000 * 2 ** Math.min(Math.max(0, tries - 1), 10));
