import type { EditionRule } from '../contract/schedules-file.js';
import { dateFormat } from './date-format.js';

/** A local date and time, as the clock on the wall of a time zone shows it. */
export interface Wall {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

/** What the clock of a time zone shows at an instant. */
export function wallOf(at: Date, timeZone: string): Wall {
  const parts = dateFormat({
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(at);
  const part = (type: Intl.DateTimeFormatPartTypes) =>
    Number(parts.find((candidate) => candidate.type === type)?.value);
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
  };
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `2026-11-23T02:30`: names a night of a schedule. A local time that comes twice, when clocks go back, is one night. */
export function nightOf(at: Date, timeZone: string): string {
  const { year, month, day, hour, minute } = wallOf(at, timeZone);
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}`;
}

/**
 * The edition of a night, from its nominal time and never from the clock: `2026-11-23`, `2026-W48` (ISO 8601 weeks),
 * `2026-11`, or its local time as `nightOf` has it, which is one night even where a clock shows it twice.
 */
export function editionOf(at: Date, timeZone: string, rule: EditionRule): string {
  if (rule === 'time') return nightOf(at, timeZone);
  const { year, month, day } = wallOf(at, timeZone);
  if (rule === 'month') return `${year}-${two(month)}`;
  if (rule === 'date') return `${year}-${two(month)}-${two(day)}`;
  // The week belongs to the year that its Thursday is in.
  const thursday = new Date(Date.UTC(year, month - 1, day));
  thursday.setUTCDate(thursday.getUTCDate() + 4 - (thursday.getUTCDay() || 7));
  const weekYear = thursday.getUTCFullYear();
  const week = Math.ceil(((thursday.getTime() - Date.UTC(weekYear, 0, 1)) / 86_400_000 + 1) / 7);
  return `${weekYear}-W${two(week)}`;
}
