import type { AlertDetail, AlertRule } from '../contract/alerts.js';
import type { ErrorClass } from '../contract/errors.js';
import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { isUnderWay, type BatchState } from '../contract/states.js';
import { alertFingerprint, batchCause, type AlertCause } from './alerts.js';
import type { SeenNight } from './seen-nights.js';
import { spanText } from './span-text.js';

/** Writes a command as a person types it. */
export type CommandText = (...words: readonly string[]) => string;

export interface TroubledSchedule {
  readonly batchName: string;
  readonly definition: Pick<ScheduleDefinition, 'name' | 'timeZone'>;
  readonly gaps: readonly (readonly SeenNight[])[];
}

const EXAMPLES_MAX = 3;
const COMMANDS_MAX = 3;

/** Nights that did not run, one cause for each reason: nobody was there, another night ran, the batch file is broken. */
export function nightCauses(schedule: TroubledSchedule, command: CommandText): readonly AlertCause[] {
  const { batchName, definition } = schedule;
  const causes = new Map<string, { rule: AlertRule; errorClass?: ErrorClass; nights: SeenNight[] }>();
  for (const night of schedule.gaps.flat()) {
    const { id, ...kind } = kindOf(night);
    const cause = causes.get(id) ?? { ...kind, nights: [] };
    cause.nights.push(night);
    causes.set(id, cause);
  }
  return [...causes.values()].map(({ rule, errorClass, nights }) => ({
    fingerprint: alertFingerprint(rule, batchName, definition.name, errorClass),
    rule,
    subject: definition.name,
    errorClass,
    detail: detailOf(nights, schedule, command),
  }));
}

function kindOf({ outcome }: SeenNight): { id: string; rule: AlertRule; errorClass?: ErrorClass } {
  switch (outcome) {
    case 'skipped':
      return { id: outcome, rule: 'skipped' };
    case 'failed':
      return { id: outcome, rule: 'missed', errorClass: 'config' };
    default:
      return { id: 'missed', rule: 'missed' };
  }
}

function detailOf(
  nights: readonly SeenNight[],
  { definition, gaps }: TroubledSchedule,
  command: CommandText,
): AlertDetail {
  const { name, timeZone } = definition;
  return {
    headline: nightsHeadline(nights, definition),
    jobs: 0,
    of: 0,
    examples: nights.slice(-EXAMPLES_MAX).map(({ night, edition, why }) => ({
      key: '',
      title: `${nightTitle(night, timeZone)}, edition ${edition}`,
      message: why,
    })),
    next: [
      ...gaps.slice(-COMMANDS_MAX).map((gap) => ({
        what: gap.length === 1 ? 'run it after all' : `run these ${gap.length} nights after all`,
        command: backfillCommand(gap, command),
      })),
      { what: 'see its nights', command: command('schedule', 'status', name) },
      { what: 'see what is wrong with the machine', command: command('doctor') },
    ],
  };
}

/** `the night of 2026-11-23 02:30 (Europe/Madrid) was skipped: …`. */
export function nightsHeadline(
  nights: readonly SeenNight[],
  { name, timeZone }: TroubledSchedule['definition'],
): string {
  const last = nights.at(-1);
  if (!last) return `all nights of the schedule ${name} ran`;
  const due = nightTitle(last.night, timeZone);
  return nights.length === 1
    ? `the night of ${due}, schedule ${name}, ${WORDS[last.outcome] ?? 'did not run'}: ${last.why}`
    : `${nights.length} nights of the schedule ${name} did not run, the last one due ${due}: ${last.why}`;
}

const WORDS: Partial<Record<SeenNight['outcome'], string>> = {
  skipped: 'was skipped',
  missed: 'was missed',
  stale: 'was missed',
  failed: 'could not be started',
  late: 'has not begun',
};

/** As the clock on the wall showed it, and where that clock is. */
export const nightTitle = (night: string, timeZone: string): string =>
  `${night.replace('T', ' ')} (${timeZone})`;

/** What runs these nights after all; neighbours, oldest first. */
export function backfillCommand(nights: readonly SeenNight[], command: CommandText): string {
  const [first, last] = [nights[0], nights.at(-1)];
  if (!first || !last) throw new Error('no night to run');
  return command('schedule', 'backfill', first.schedule, '--from', first.night, '--to', last.night);
}

/** How a schedule stands, for `doctor`. */
export function judgeSchedule(
  schedule: TroubledSchedule & { readonly nights: readonly SeenNight[]; readonly paused: boolean },
  command: CommandText,
): { readonly status: 'ok' | 'warn' | 'fail'; readonly detail: string; readonly fix?: string } {
  const { definition, gaps, nights, paused } = schedule;
  const last = gaps.at(-1);
  if (last) {
    return {
      status: 'fail',
      detail: nightsHeadline(gaps.flat(), definition),
      fix: backfillCommand(last, command),
    };
  }
  if (paused) {
    return {
      status: 'warn',
      detail: 'is paused: no night starts by itself',
      fix: command('schedule', 'resume', definition.name),
    };
  }
  const night = nights.at(-1);
  if (!night) return { status: 'ok', detail: 'no night was due in the last 14 days' };
  return {
    status: 'ok',
    detail: `the night of ${nightTitle(night.night, definition.timeZone)}: ${night.why}`,
  };
}

/** What `doctor --nightly` looks at. Times are milliseconds since the epoch. */
export interface NightStanding {
  readonly name: string;
  readonly nowMs: number;
  /** A run has to have begun within so long. */
  readonly withinMs: number;
  /** And to be over after so long. */
  readonly longestMs: number;
  /** The run opened last; absent where the ledger knows of none. */
  readonly last?: {
    readonly state: BatchState;
    readonly openedMs: number;
    readonly closedMs: number | undefined;
    readonly jobs: number;
    /** Jobs that came to an end as they should, in all runs within that time. */
    readonly finished: number;
    /** An alert about this run is open, and says what is wrong. */
    readonly told: boolean;
  };
  /** When a start last found that nothing was left to do. */
  readonly idleMs?: number;
  readonly commands: { readonly status: string; readonly doctor: string };
}

export interface NightFinding {
  readonly status: 'ok' | 'fail';
  readonly detail: string;
  readonly cause?: AlertCause;
}

/** Whether the night happened, did something, and is over. */
export function judgeNight(night: NightStanding): NightFinding {
  const { nowMs, withinMs, longestMs, last, idleMs, commands } = night;
  const ago = (ms: number) => `${spanText(nowMs - ms)} ago`;
  const bad = (rule: 'missed' | 'empty' | 'late', detail: string): NightFinding => ({
    status: 'fail',
    detail,
    cause: batchCause(night, rule, {
      headline: detail,
      jobs: 0,
      of: last?.jobs ?? 0,
      examples: [],
      next: [
        { what: 'see the last run', command: commands.status },
        { what: 'see what is wrong with the machine', command: commands.doctor },
      ],
    }),
  });
  if (last === undefined) return bad('missed', 'the night did not happen: no run of this batch is known');
  const under = isUnderWay(last.state);
  if (under && nowMs - last.openedMs > longestMs) {
    return bad('late', `the run that began ${ago(last.openedMs)} is ${last.state} and not over yet`);
  }
  if (under) return { status: 'ok', detail: `${last.state} since ${spanText(nowMs - last.openedMs)}` };
  const newest = Math.max(last.openedMs, last.closedMs ?? 0, idleMs ?? 0);
  if (nowMs - newest > withinMs) {
    return bad('missed', `the night did not happen: the last run began ${ago(last.openedMs)}`);
  }
  if (last.state === 'cancelled') return { status: 'ok', detail: `cancelled, began ${ago(last.openedMs)}` };
  if (last.finished === 0 && last.told) {
    return {
      status: 'fail',
      detail: `the run that began ${ago(last.openedMs)} finished none of its ${last.jobs} jobs`,
    };
  }
  if (last.finished === 0) {
    const idle = idleMs !== undefined && idleMs > (last.closedMs ?? 0);
    return bad(
      'empty',
      idle
        ? `the night did nothing: the start ${ago(idleMs)} found all ${last.jobs} jobs done already`
        : `the night did nothing: the run that began ${ago(last.openedMs)} finished none of its ${last.jobs} jobs`,
    );
  }
  return {
    status: 'ok',
    detail: `${last.state}, began ${ago(last.openedMs)}, ${last.finished} ${last.finished === 1 ? 'job' : 'jobs'} finished`,
  };
}
