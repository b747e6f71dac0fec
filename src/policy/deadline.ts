/**
 * Whether a run will be over in time.
 *  DL1. It counts from when the run was started: a run that is started again has its deadline anew, so that whoever mends
 *       a night in the morning is not told once more what the night has told.
 *  DL2. The estimate is the pace of this run so far. Nobody is warned by one look: it has to be late now, and to have
 *       been late some minutes ago as well. Both are read from when jobs finished, so no look hands anything over.
 *  DL3. The pace is that of the time in which jobs could be done. Of a run that is paused the estimate is what it were if
 *       it went on now, and whoever is told is told to let it go on.
 *  DL4. A warning that has become a missed deadline is the same alert, told once more. Each run has its own: nights beside
 *       each other are late by themselves.
 */
import { durationMs } from '../contract/duration-ms.js';
import type { DeadlineSpec } from '../contract/deadline.js';
import { holdText, type Hold } from '../contract/holds.js';
import { alertFingerprint, type AlertCause } from './alerts.js';
import { dailyAt, nextFire } from './fire-times.js';
import { nightTitle } from './night-alerts.js';
import { nightOf } from './nights.js';
import { spanText } from './span-text.js';

export interface Deadline {
  readonly at: Date;
  /** Whose clock it is shown by. */
  readonly timeZone: string;
}

/** @param ownTimeZone shows one that is a span of time, for that has no clock */
export function deadlineOf(spec: DeadlineSpec, openedAt: Date, ownTimeZone: string): Deadline {
  if (typeof spec !== 'object')
    return { at: new Date(openedAt.getTime() + durationMs(spec)), timeZone: ownTimeZone };
  const { timeZone } = spec;
  const at = nextFire(dailyAt(spec.at, timeZone), openedAt);
  if (at === undefined) throw new Error(`no ${spec.at} comes in ${timeZone}`);
  return { at, timeZone };
}

/** How far a run is. */
export interface Progress {
  readonly openedMs: number;
  readonly jobs: number;
  /** As many as run at once. */
  readonly concurrency: number;
  /** Jobs that this run has finished. */
  readonly done: number;
  /** Those that it had finished `LOOKS_APART_MS` ago. */
  readonly doneEarlier: number;
  /** Waiting or under way. */
  readonly moving: number;
  /** All that is not done, and not discarded by a person. */
  readonly left: number;
  /** How long it has been paused so far, and until `LOOKS_APART_MS` ago. */
  readonly pausedMs: number;
  readonly pausedEarlierMs: number;
  /** The pause that it stands before now. */
  readonly hold?: Pick<Hold, 'scope' | 'by' | 'reason'> | undefined;
}

export const LOOKS_APART_MS = 5 * 60_000;

/** So much of the whole time has to be to spare before a warning is taken back. */
const MARGIN = 0.1;

/**
 * `unsaid`: too little is finished to say · `tight`: neither late for sure nor safe, so what was said holds ·
 * `late`: twice past the deadline · `passed`: it is over, and something is left
 */
export type Outlook = 'unsaid' | 'in-time' | 'tight' | 'late' | 'passed';

export function outlookOf({ at }: Deadline, progress: Progress, nowMs: number): Outlook {
  const { openedMs, done, doneEarlier, moving, left, pausedEarlierMs } = progress;
  const deadlineMs = at.getTime();
  if (left === 0) return 'in-time';
  if (nowMs >= deadlineMs) return 'passed';
  const endMs = estimatedEnd(progress, nowMs);
  if (endMs === undefined) return 'unsaid';
  const before = {
    ...progress,
    done: doneEarlier,
    moving: moving + done - doneEarlier,
    pausedMs: pausedEarlierMs,
  };
  const endBeforeMs = estimatedEnd(before, nowMs - LOOKS_APART_MS);
  if (endBeforeMs !== undefined && endMs > deadlineMs && endBeforeMs > deadlineMs) return 'late';
  return endMs <= deadlineMs - MARGIN * (deadlineMs - openedMs) ? 'in-time' : 'tight';
}

/** When all that moves is done at the pace so far; undefined before as many are done as run at once, or a quarter. */
export function estimatedEnd(
  { openedMs, jobs, concurrency, done, moving, pausedMs }: Omit<Progress, Earlier | 'left'>,
  nowMs: number,
): number | undefined {
  if (moving === 0 || done === 0 || done < Math.min(concurrency, jobs / 4)) return undefined;
  return nowMs + (moving * (nowMs - openedMs - pausedMs)) / done;
}

type Earlier = 'doneEarlier' | 'pausedEarlierMs';

/** Minutes are enough: `2026-11-29 07:00 (Europe/Madrid)`. */
export const wallText = (at: Date, timeZone: string): string => nightTitle(nightOf(at, timeZone), timeZone);

/** What is to be told of a run under way. */
export function deadlineCauses(
  { id, name }: { readonly id: string; readonly name: string },
  deadline: Deadline,
  progress: Progress,
  { nowMs, commands }: { readonly nowMs: number; readonly commands: DeadlineCommands },
): AlertCause[] {
  const outlook = outlookOf(deadline, progress, nowMs);
  if (outlook !== 'late' && outlook !== 'passed') return [];
  const { jobs, left, concurrency, hold } = progress;
  const due = wallText(deadline.at, deadline.timeZone);
  const endMs = estimatedEnd(progress, nowMs) ?? nowMs;
  const see = { what: 'see how it stands', command: commands.status };
  const closed = { what: 'see whether a service is closed to us', command: commands.lanes };
  const rule = outlook === 'late' ? 'deadline' : 'overdue';
  const ends = `at its pace so far it ends about ${wallText(new Date(endMs), deadline.timeZone)}`;
  const late = `its deadline is ${due}${hold ? `, in ${spanText(deadline.at.getTime() - nowMs)}` : ''}; ${left} of ${jobs} jobs are left`;
  const passed = `its deadline, ${due}, has passed with ${left} of ${jobs} jobs left`;
  const goOn = hold && { what: 'let it go on', command: commands.lift(hold.scope) };
  const faster = {
    what: `where services bear it, let more than ${concurrency} jobs run at once`,
    command: commands.concurrency,
  };
  return [
    {
      fingerprint: alertFingerprint('deadline', name, id, undefined), // DL4
      rule,
      subject: '',
      errorClass: undefined,
      detail: {
        headline:
          rule === 'overdue'
            ? `${passed}${hold ? `; ${pausedBy(hold)}` : ''}`
            : hold
              ? `${pausedBy(hold)}; if it goes on now, ${ends}, and ${late}`
              : `${ends}, and ${late}`,
        jobs: 0,
        of: jobs,
        examples: [],
        next: goOn ? [goOn, see] : rule === 'deadline' ? [see, closed, faster] : [see, closed],
      },
    },
  ];
}

const pausedBy = (hold: NonNullable<Progress['hold']>): string =>
  hold.scope.kind === 'batch'
    ? `it is paused by ${hold.by}${hold.reason === undefined ? '' : `: ${hold.reason}`}`
    : holdText(hold);

export interface DeadlineCommands {
  readonly status: string;
  readonly lanes: string;
  readonly concurrency: string;
  /** What ends a pause. */
  readonly lift: (scope: Hold['scope']) => string;
}

/** How a run stands to its deadline, for people and programs. */
export interface DeadlineStanding {
  /** ISO 8601. */
  readonly at: string;
  readonly timeZone: string;
  /** Undefined while it may still be met. */
  readonly met: boolean | undefined;
  readonly text: string;
}

/** @param endedMs when the run ended; undefined while it is under way */
export function deadlineStanding(
  { at, timeZone }: Deadline,
  progress: Omit<Progress, Earlier>,
  { nowMs, endedMs }: { readonly nowMs: number; readonly endedMs: number | undefined },
): DeadlineStanding {
  const { left, jobs, hold } = progress;
  const deadlineMs = at.getTime();
  const due = wallText(at, timeZone);
  const stands = (met: boolean | undefined, how: string): DeadlineStanding => ({
    at: at.toISOString(),
    timeZone,
    met,
    text: `${due}, ${how}`,
  });
  const doneMs = left === 0 ? endedMs : undefined;
  if (doneMs !== undefined)
    return doneMs <= deadlineMs
      ? stands(true, 'met')
      : stands(false, `missed: all was done at ${wallText(new Date(doneMs), timeZone)}`);
  if (nowMs >= deadlineMs) return stands(false, `missed: ${left} of ${jobs} jobs are left`);
  const endMs = endedMs === undefined ? estimatedEnd(progress, nowMs) : undefined;
  return endMs === undefined
    ? stands(undefined, `${left} of ${jobs} jobs are left`)
    : stands(
        undefined,
        `${hold ? 'if it goes on now, ' : ''}at its pace so far it ends about ${wallText(new Date(endMs), timeZone)}`,
      );
}
