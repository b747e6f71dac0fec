import type { EditionRule } from '../contract/schedules-file.js';
import { editionOf } from './nights.js';

/** What an edition says that is written like those of a schedule. */
export interface PeriodRead {
  readonly kind: EditionRule;
  /** As a schedule writes it; undefined where no calendar has it. */
  readonly normal: string | undefined;
}

const DATE = /^([1-9]\d{3})-(\d{1,2})-(\d{1,2})$/;
const WEEK = /^([1-9]\d{3})-?w(\d{1,2})$/i;
const MONTH = /^([1-9]\d{3})-(\d{1,2})$/;
const TIME = /^([1-9]\d{3})-(\d{1,2})-(\d{1,2})[t ](\d{1,2}):(\d{1,2})$/i;

/** @returns undefined for an edition of another kind, such as `spring`, which is as good as any */
export function readPeriod(edition: string): PeriodRead | undefined {
  const date = numbersIn(DATE, edition);
  if (date) return { kind: 'date', normal: dateOf(date) };
  const time = numbersIn(TIME, edition);
  if (time) return { kind: 'time', normal: timeOf(time) };
  const week = numbersIn(WEEK, edition);
  if (week) return { kind: 'week', normal: weekOf(week) };
  const month = numbersIn(MONTH, edition);
  return month && { kind: 'month', normal: dateOf([...month, 1])?.slice(0, 7) };
}

const numbersIn = (form: RegExp, text: string): readonly number[] | undefined =>
  form.exec(text)?.slice(1).map(Number);

function dateOf([year = 0, month = 0, day = 0]: readonly number[]): string | undefined {
  const at = new Date(Date.UTC(year, month - 1, day));
  return at.getUTCMonth() === month - 1 && at.getUTCDate() === day ? nameOf(at, 'date') : undefined;
}

function timeOf([year, month, day, hour = 0, minute = 0]: readonly number[]): string | undefined {
  const date = dateOf([year ?? 0, month ?? 0, day ?? 0]);
  if (date === undefined || hour > 23 || minute > 59) return undefined;
  return `${date}T${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

/** The fourth of January is in the first week of its year. */
function weekOf([year = 0, week = 0]: readonly number[]): string | undefined {
  const name = nameOf(new Date(Date.UTC(year, 0, 4 + (week - 1) * 7)), 'week');
  return name === `${year}-W${String(week).padStart(2, '0')}` ? name : undefined;
}

const nameOf = (at: Date, kind: EditionRule): string => editionOf(at, 'UTC', kind);

const KINDS: Readonly<Record<EditionRule, string>> = {
  date: 'day',
  week: 'week',
  month: 'month',
  time: 'time',
};

/** Why an edition is surely a mistake, and what was meant; undefined where it may be right. */
export function editionFault(edition: string): string | undefined {
  const period = readPeriod(edition);
  if (!period || period.normal === edition) return undefined;
  const { kind, normal } = period;
  return normal === undefined
    ? `"${edition}" is no edition: there is no such ${KINDS[kind]}`
    : `"${edition}" is no edition of a ${KINDS[kind]}, and would be a night of its own; write ${normal}`;
}
