import { WEEKDAYS, type ScheduleDefinition } from '../../contract/schedules-file.js';

type Field = Exclude<keyof ScheduleDefinition, 'name' | 'since'>;

/** What a field is called in a schedules file, where the engine keeps it under another name. */
const NAMES: Partial<Record<Field, string>> = { crons: 'when', catchUpMs: 'catchUp', staleMs: 'staleAfter' };

export const fileName = (field: Field): string => NAMES[field] ?? field;

/** What a field of a schedule says, as a person would write it in the file. */
export function fileWords(field: Field, schedule: Pick<Partial<ScheduleDefinition>, Field>): string {
  const { crons = [], after } = schedule;
  if (field === 'crons') return whenText(crons);
  if (field === 'after')
    return after === undefined
      ? 'none'
      : `${after.schedule} within ${spanText(after.withinMs)}, otherwise ${after.otherwise}`;
  const value = schedule[field];
  return typeof value === 'number' ? spanText(value) : String(value);
}

/** Every day at these times, or on some days; what is more than that is said as the expression. */
const AT = /^(\d+) (\d+) \* \* (\*|[0-6](?:,[0-6])*)$/;

function whenText(crons: readonly string[]): string {
  const parts = crons.map((cron) => AT.exec(cron));
  const days = parts[0]?.[3];
  if (parts.some((part) => part === null || part[3] !== days)) return `cron ${crons.join('; ')}`;
  const times = parts.map((part) => `${two(part?.[2])}:${two(part?.[1])}`);
  const named =
    days === '*'
      ? ''
      : ` on ${days
          ?.split(',')
          .map((day) => WEEKDAYS[Number(day)])
          .join(', ')}`;
  return `at ${times.join(', ')}${named}`;
}

const two = (digits = ''): string => digits.padStart(2, '0');

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** `4h`, `90m`: in the largest unit that leaves no rest. */
function spanText(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}
