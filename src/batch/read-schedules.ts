import { dirname, resolve } from 'node:path';
import { durationMs } from '../contract/batch-file.js';
import { InvalidBatch } from '../contract/errors.js';
import {
  WEEKDAYS,
  schedulesFileSchema,
  type ScheduleDefinition,
  type SchedulesFile,
} from '../contract/schedules-file.js';
import { findingsOf } from './issue-sentences.js';
import { FileProblems, type Place } from './problems.js';
import { UnreadableFile, wholeText } from './source-text.js';
import { parseYaml, type SourceDocument } from './yaml-document.js';

const SCHEDULES_BYTES_MAX = 5 * 1024 * 1024;

/** A schedule as its file says; since when it counts is known when it is applied. */
export type WantedSchedule = Omit<ScheduleDefinition, 'since'>;

export interface SchedulesRead {
  /** Absolute. */
  readonly path: string;
  readonly schedules: readonly WantedSchedule[];
  /** Where the batch file of a schedule is named, for problems found later. */
  placeOfBatch(name: string): Place | undefined;
}

/**
 * Reads a schedules file.
 * @throws InvalidBatch with every problem found, at its line and column
 */
export async function readSchedules(path: string, cwd = process.cwd()): Promise<SchedulesRead> {
  const absolute = resolve(cwd, path);
  const problems = new FileProblems(path);
  const document = await documentOf(absolute, problems);
  const parsed = document && schedulesFileSchema.safeParse(document.value);
  if (document && parsed && !parsed.success) {
    for (const { path: at, at: part, message, hint } of findingsOf(
      schedulesFileSchema,
      document.value,
      parsed.error.issues,
    )) {
      const place = part === 'key' ? document.placeOfKey(at) : document.placeOf(at);
      problems.report({ ...place, message, ...(hint !== undefined && { hint }) });
    }
  }
  if (!document || !parsed?.success) throw new InvalidBatch(problems.all());
  const { schedules, timeZone } = parsed.data;
  return {
    path: absolute,
    schedules: schedules.map((schedule) => wanted(schedule, timeZone, absolute)),
    placeOfBatch: (name) =>
      document.placeOf(['schedules', schedules.findIndex((schedule) => schedule.name === name), 'batch']),
  };
}

async function documentOf(path: string, { report }: FileProblems): Promise<SourceDocument | undefined> {
  try {
    return parseYaml(await wholeText(path, { bytesMax: SCHEDULES_BYTES_MAX }), report);
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    report(error.problem);
    return undefined;
  }
}

type Written = SchedulesFile['schedules'][number];

const wanted = (schedule: Written, ofFile: string | undefined, from: string): WantedSchedule => {
  const { name, batch, when, overlap, catchUp, staleAfter, edition, after, paused } = schedule;
  const timeZone = schedule.timeZone ?? ofFile;
  if (timeZone === undefined) throw new Error(`the schema has let schedule ${name} pass without a time zone`);
  return {
    name,
    batch: resolve(dirname(from), batch),
    from,
    crons: cronsOf(when),
    timeZone,
    overlap,
    catchUpMs: durationMs(catchUp),
    staleMs: durationMs(staleAfter ?? catchUp),
    edition,
    ...(after && {
      after: {
        schedule: after.schedule,
        withinMs: durationMs(after.within),
        otherwise: after.otherwise,
      },
    }),
    paused,
  };
};

/** One expression for each time of day: "02:30 and 14:00" is no single pattern. */
function cronsOf(when: Written['when']): string[] {
  if ('cron' in when) return [when.cron.trim().replace(/ +/g, ' ')];
  const days = when.days === undefined ? '*' : when.days.map((day) => WEEKDAYS.indexOf(day)).sort();
  return [when.at].flat().map((time) => {
    const [hour, minute] = time.split(':').map(Number);
    return `${minute} ${hour} * * ${days === '*' ? days : days.join(',')}`;
  });
}
