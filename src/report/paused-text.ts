import { holdText } from '../contract/holds.js';
import type { RunReport } from '../contract/result.js';
import { localTime } from './format.js';

/** `work article is paused by ann: blog moves (finish, since 2026-11-23 04:03:26 CET)`. */
export const pausedText = (hold: NonNullable<RunReport['hold']>): string =>
  `${holdText(hold)} (${hold.level}, since ${localTime(hold.since)})`;
