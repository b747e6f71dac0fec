import type {
  CalendarSpec,
  IntervalSpec,
  Month,
  ScheduleDescription,
  ScheduleOptions,
  ScheduleSpec,
} from '@temporalio/client';
import type { NightlyInput } from '../../contract/messages.js';
import { scheduleDefinitionSchema, type ScheduleDefinition } from '../../contract/schedules-file.js';
import { sha256Hex } from '../../identity/digest.js';
import { clockChangeTimes, type WallHour } from '../../policy/fire-times.js';

/** Both the schedule's ID at the engine and the beginning of the IDs of its Workflows. */
export const scheduleId = (name: string): string => `nightly:${name}`;

/** Of the Workflow that the engine starts for a time: it adds the time, without fractions of a second. */
export const nightWorkflowId = (name: string, at: Date): string =>
  `${scheduleId(name)}-${at.toISOString().replace(/\.\d+Z$/, 'Z')}`;

const MONTHS: readonly Month[] = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
];

/** Days on which clocks jump are named this far ahead; each `apply` that changes a schedule looks again. */
const YEARS_AHEAD = 10;

/**
 * When the engine starts a schedule. Its calendars are local time, and go wrong where clocks change: what is due there is
 * named as instants, and what is not is left out.
 */
export function specOf(definition: ScheduleDefinition): ScheduleSpec {
  const { crons, timeZone, since } = definition;
  const { due, never } = clockChangeTimes(definition, new Date(since), YEARS_AHEAD);
  return {
    cronExpressions: [...crons],
    intervals: due.map(only),
    skip: never.map(calendarOf),
    timezone: timeZone,
  };
}

/** The engine counts intervals from 1970 on: the first of that length ends at the instant, the next in half a century. */
const only = (at: Date): IntervalSpec => ({ every: at.getTime() });

const calendarOf = ({ year, month, day, hour, minutes }: WallHour): CalendarSpec => ({
  year,
  month: MONTHS[month - 1] ?? 'JANUARY',
  dayOfMonth: day,
  hour,
  minute: [...minutes],
  second: 0,
  comment: 'the clock changes; not a time of this schedule',
});

/** What a schedule looks like to the engine. */
export function optionsOf(definition: ScheduleDefinition, taskQueue: string): Omit<ScheduleOptions, 'state'> {
  const spec = specOf(definition);
  const input: NightlyInput = { schedule: definition, times: fingerprintOf(spec) };
  return {
    scheduleId: scheduleId(definition.name),
    spec,
    action: {
      type: 'startWorkflow',
      workflowType: 'nightly',
      workflowId: scheduleId(definition.name),
      taskQueue,
      args: [input],
      staticSummary: `night of ${definition.name}`,
    },
    policies: {
      // It sees only the trigger, which ends at once: overlaps of batches are judged by the trigger itself.
      overlap: 'ALLOW_ALL',
      catchupWindow: definition.catchUpMs,
      pauseOnFailure: false,
    },
  };
}

/** The engine keeps its times in a form of its own, in which they can't be compared with these. */
const fingerprintOf = (spec: ScheduleSpec): string => sha256Hex(JSON.stringify(spec)).slice(0, 16);

/** Whether the engine has been told the times of the definition as this release, and its time zones, have them. */
export const hasPresentTimes = (
  { action }: Pick<ScheduleDescription, 'action'>,
  definition: ScheduleDefinition,
): boolean => inputOf(action).times === fingerprintOf(specOf(definition));

const inputOf = ({ args = [] }: { readonly args?: readonly unknown[] }): Partial<NightlyInput> =>
  args[0] ?? {};

/** The definition that a schedule was applied with; undefined where it is none of ours. */
export function definitionOf(
  { action }: Pick<ScheduleDescription, 'action'>,
  taskQueue: string,
): ScheduleDefinition | undefined {
  if (action.workflowType !== 'nightly' || action.taskQueue !== taskQueue) return undefined;
  return scheduleDefinitionSchema.safeParse(inputOf(action).schedule).data;
}
