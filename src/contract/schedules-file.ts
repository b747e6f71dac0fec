import { z } from 'zod';
import { durationMs, durationSchema, nameSchema } from './batch-file.js';
import { timeOfDaySchema, timeZoneSchema } from './local-time.js';

/** What a schedule does when its night comes while an earlier night of its batch still runs. */
export const OVERLAPS = ['skip', 'queue', 'attach', 'cancel-older'] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** Which period a night belongs to: the edition that its jobs get. */
export const EDITION_RULES = ['date', 'week', 'month', 'time'] as const;
export type EditionRule = (typeof EDITION_RULES)[number];

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const CRON_FIELD = String.raw`(?:\*|\d{1,2}(?:-\d{1,2})?)(?:\/\d{1,2})?(?:,\d{1,2}(?:-\d{1,2})?(?:\/\d{1,2})?)*`;
const CRON = new RegExp(`^${Array(5).fill(CRON_FIELD).join(' +')}$`);

/** Plain numbers only: names, L, W, # and @daily mean different things to different programs. */
const cronSchema = z
  .string()
  .regex(CRON, 'must be a cron expression of five fields of numbers: minute hour day month weekday')
  .superRefine((text, context) => {
    const message = CRON.test(text) ? numbersWrong(text) : undefined;
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .refine(
    (text) => !(CRON.test(text) && isRestricted(text, 2) && isRestricted(text, 4)),
    'names days of the month and weekdays, which some programs read as "and" and others as "or"; write two schedules',
  )
  .describe('minute hour day month weekday; numbers, "*", lists, ranges and steps');

const isRestricted = (cron: string, field: number): boolean => cron.trim().split(/ +/)[field] !== '*';

/** First and last number of each field, and the widest step that all programs take. */
const CRON_RANGES = [
  [0, 59, 60],
  [0, 23, 24],
  [1, 31, 31],
  [1, 12, 12],
  [0, 7, 7],
] as const;

function numbersWrong(cron: string): string | undefined {
  const fields = cron.trim().split(/ +/);
  for (const [at, field] of fields.entries()) {
    const [low, high, stepMax] = CRON_RANGES[at] ?? [0, 0, 0];
    for (const part of field.split(',')) {
      const [range = '', step] = part.split('/');
      const [from = low, to = from] = range === '*' ? [low, high] : range.split('-').map(Number);
      const fits = from >= low && to <= high && from <= to;
      if (!fits || (step !== undefined && (Number(step) < 1 || Number(step) > stepMax))) {
        return 'has a number that its field can’t have';
      }
      if (step !== undefined && /^\d+$/.test(range)) {
        return `has a step after one number, "${part}", which some programs refuse; write "${range}-${high}/${step}"`;
      }
    }
  }
  return isEverDue(fields) ? undefined : 'is never due: none of its months has such a day';
}

/** February as in a leap year. */
const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const isEverDue = ([, , days = '*', months = '*']: readonly string[]): boolean =>
  DAYS_OF_MONTH.some(
    (last, at) =>
      isIn(at + 1, months, 12) && Array.from({ length: last }).some((_, day) => isIn(day + 1, days, 31)),
  );

/** Whether a field that begins at 1 has that number. */
const isIn = (value: number, field: string, high: number): boolean =>
  field.split(',').some((part) => {
    const [range = '', step = '1'] = part.split('/');
    const [from = 1, to = from] = range === '*' ? [1, high] : range.split('-').map(Number);
    return value >= from && value <= to && (value - from) % Number(step) === 0;
  });

export const whenSchema = z.union([
  z.strictObject({
    at: z.union([timeOfDaySchema, z.array(timeOfDaySchema).min(1)]),
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .optional()
      .describe('weekdays: mon, tue, wed, thu, fri, sat, sun; every day unless given'),
  }),
  z.strictObject({ cron: cronSchema }),
]);

/** What a night does when the one it comes after is not done in time. */
export const OTHERWISE = ['skip', 'run'] as const;

/** Waits are Activities, and those are bounded. */
const WITHIN_MAX_MS = 48 * 3_600_000;

const afterSchema = z.strictObject({
  schedule: nameSchema.describe('another schedule of this file, with the same kind of edition'),
  within: durationSchema
    .default('4h')
    .refine((within) => durationMs(within) <= WITHIN_MAX_MS, 'must be at most 48h')
    .describe('how long a night waits for it'),
  otherwise: z
    .enum(OTHERWISE)
    .default('skip')
    .describe('when it is not done by then: skip the night, or run it all the same'),
});

/** The engine's least catch-up window; and a worker that is in time takes a night some seconds after it was due. */
const LATENESS_MIN_MS = 10_000;

const latenessSchema = durationSchema.refine(
  (late) => durationMs(late) >= LATENESS_MIN_MS,
  'must be at least 10s',
);

export const scheduleSchema = z
  .strictObject({
    name: nameSchema.describe('name of the schedule, for you and for "nightshift schedule"'),
    batch: z.string().min(1).describe('path of a batch file; workers read it each night'),
    when: whenSchema.describe('at: times of day, with days; or cron: an expression'),
    timeZone: timeZoneSchema.optional().describe('instead of that of the file'),
    overlap: z
      .enum(OVERLAPS)
      .default('skip')
      .describe('when an earlier night of the batch still runs: skip, queue, attach or cancel-older'),
    catchUp: latenessSchema
      .default('4h')
      .describe('how late a night may start that the engine was down for; older ones are missed'),
    staleAfter: latenessSchema
      .optional()
      .describe('how late a night may start that no worker took; as catchUp unless given'),
    edition: z
      .enum(EDITION_RULES)
      .default('date')
      .describe(
        'what jobs get as "edition", where it is part of the identity: 2026-11-23, 2026-W48, 2026-11, or 2026-11-23T14:30',
      ),
    after: afterSchema
      .optional()
      .describe('a night starts when the night of another schedule, of the same edition, is done'),
    paused: z.boolean().default(false).describe('known, and never started'),
  })
  .meta({ id: 'schedule' });

/** What an operator writes. Strict, as a batch file is. */
export const schedulesFileSchema = z
  .strictObject({
    timeZone: timeZoneSchema
      .optional()
      .describe('whose clock says when, such as Europe/Madrid; of schedules that have none of their own'),
    schedules: z
      .array(scheduleSchema)
      .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, {
        message: 'has two schedules of one name',
      }),
  })
  .superRefine(({ schedules, timeZone }, context) => {
    const inZones = schedules.map((each) => ({ ...each, timeZone: each.timeZone ?? timeZone }));
    for (const [at, schedule] of inZones.entries()) {
      if (schedule.timeZone === undefined) {
        const message = 'is missing, here or for the whole file';
        context.addIssue({ code: 'custom', path: ['schedules', at, 'timeZone'], message });
      }
      if (!schedule.after) continue;
      const message = wrongWith(schedule.after.schedule, schedule, inZones);
      const path = ['schedules', at, 'after', 'schedule'];
      if (message !== undefined) context.addIssue({ code: 'custom', path, message });
    }
  })
  .meta({ id: 'schedules', title: 'nightshift schedules file' });
export type SchedulesFile = z.infer<typeof schedulesFileSchema>;

type Declared = z.infer<typeof scheduleSchema>;

function wrongWith(
  upstream: string,
  { name, edition, when, timeZone }: Declared,
  schedules: readonly Declared[],
): string | undefined {
  const byName = new Map(schedules.map((schedule) => [schedule.name, schedule]));
  const before = byName.get(upstream);
  if (!before) return 'is no schedule of this file';
  if (before.edition !== edition) return `has the edition "${before.edition}", and this one "${edition}"`;
  if (edition === 'time' && !isSame([before.when, before.timeZone], [when, timeZone]))
    return 'has other times, or another time zone, and so no edition that this one has: with "edition: time" both need the same';
  const seen = new Set([name]);
  for (let next: Declared | undefined = before; next; next = byName.get(next.after?.schedule ?? '')) {
    if (next.name === name) return 'waits for this one itself, so neither would ever start';
    if (seen.has(next.name)) return undefined;
    seen.add(next.name);
  }
  return undefined;
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** A schedule as the engine keeps it: the argument of its Workflow, so wire format. */
export const scheduleDefinitionSchema = z.object({
  name: nameSchema,
  /** Absolute path of the batch file, on every worker. */
  batch: z.string(),
  /** Absolute path of the schedules file that it was applied from. */
  from: z.string(),
  /** Cron expressions of five fields; the schedule is due when any of them is. */
  crons: z.array(z.string()).min(1),
  timeZone: z.string(),
  overlap: z.enum(OVERLAPS),
  catchUpMs: z.number(),
  staleMs: z.number(),
  edition: z.enum(EDITION_RULES),
  /** Absent where it waits for no other. */
  after: z.object({ schedule: nameSchema, withinMs: z.number(), otherwise: z.enum(OTHERWISE) }).optional(),
  paused: z.boolean(),
  /** ISO 8601; nights before it are none of this schedule's. */
  since: z.string(),
});
export type ScheduleDefinition = z.infer<typeof scheduleDefinitionSchema>;
