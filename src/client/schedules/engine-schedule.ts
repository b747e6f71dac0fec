import type {
  CalendarSpec,
  Month,
  ScheduleDescription,
  ScheduleOptions,
  ScheduleSpec,
} from '@temporalio/client';
import type { NightlyInput } from '../../contract/messages.js';
import { scheduleDefinitionSchema, type ScheduleDefinition } from '../../contract/schedules-file.js';
import { skippedTimes } from '../../policy/fire-times.js';

/** Both the schedule's ID at the engine and the beginning of the IDs of its Workflows. */
export const scheduleId = (name: string): string => `nightly:${name}`;

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
 * When the engine starts a schedule. Its calendars are local time and never fire at a time that a clock skips
 * (temporalio/temporal#8205), so those days are named one by one.
 */
export function specOf(definition: ScheduleDefinition): ScheduleSpec {
  const from = new Date(definition.since);
  const calendars = skippedTimes(definition, from, YEARS_AHEAD).map(
    ({ year, month, day, hour, minute }): CalendarSpec => ({
      year,
      month: MONTHS[month - 1] ?? 'JANUARY',
      dayOfMonth: day,
      hour,
      minute,
      second: 0,
      comment: 'the clock jumps over the usual time',
    }),
  );
  return { cronExpressions: [...definition.crons], calendars, timezone: definition.timeZone };
}

/** What a schedule looks like to the engine. */
export function optionsOf(definition: ScheduleDefinition, taskQueue: string): Omit<ScheduleOptions, 'state'> {
  const input: NightlyInput = { schedule: definition };
  return {
    scheduleId: scheduleId(definition.name),
    spec: specOf(definition),
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

/** The definition that a schedule was applied with; undefined where it is none of ours. */
export function definitionOf(
  { action }: Pick<ScheduleDescription, 'action'>,
  taskQueue: string,
): ScheduleDefinition | undefined {
  if (action.workflowType !== 'nightly' || action.taskQueue !== taskQueue) return undefined;
  const [input] = (action.args ?? []) as readonly Partial<NightlyInput>[];
  return scheduleDefinitionSchema.safeParse(input?.schedule).data;
}
