/**
 * That a run under way does badly, while somebody can still do something about it.
 *  PA1. So many of its jobs give up: told once for each run, and nothing to be taken back, for at its end the parked jobs are
 *       told of by themselves. What its retries put right is quiet, and so is what earlier runs have left.
 *  PA2. It stands still: sessions or effects are under way, and nothing has come of any for longer than the time limit of a
 *       session makes normal. Over when something has come of one. A pause is none, nor is a service that is closed to us:
 *       those are told of by themselves. After a time in which nothing was under way it counts from what was begun then.
 */
import { durationMs } from '../contract/duration-ms.js';
import type { Definition } from '../contract/batch-file.js';
import type { JobReport } from '../contract/result.js';
import { MINUTE_MS } from '../contract/units.js';
import { alertFingerprint, examplesOf, type AlertCause } from './alerts.js';
import { isoTime } from './back-at.js';
import { spanText } from './span-text.js';

/** Fewer say nothing of a night. */
const STOPPED_MIN = 5;
const STOPPED_SHARE = 0.05;
/** A share of fewer says nothing: what fails does so in seconds, while sessions go on for an hour. */
const ENDS_MIN = 20;
/** Beyond the time limit of a session: what it made is stored, checked and landed by then. */
const AFTER_TIMEOUT_MS = 15 * MINUTE_MS;

/** How a run gets on. */
export interface Pace {
  readonly name: string;
  readonly batchId: string;
  /** Tells runs of the batch apart. */
  readonly openedSeq: number;
  readonly jobs: number;
  /** Not started, or under way. */
  readonly waiting: number;
  /** Done by this run, or waiting for a yes. */
  readonly done: number;
  /** Parked or held by this run; what a person has decided is none of it. */
  readonly stopped: readonly (JobReport & { readonly title: string })[];
  /** Since when it stands still, in milliseconds since the epoch; undefined where it does not. */
  readonly stillSinceMs: number | undefined;
  /** Sessions and effects under way. */
  readonly inHand: number;
}

export interface PaceCommands {
  readonly status: string;
  readonly pause: string;
  readonly run: string;
}

/** How long nothing may come of any session; undefined: however long. */
export function stillAtMostMs({ warnAt, agent }: Pick<Definition, 'warnAt' | 'agent'>): number | undefined {
  const given = warnAt?.standstill;
  if (given === false) return undefined;
  return given === undefined ? durationMs(agent.timeout) + AFTER_TIMEOUT_MS : durationMs(given);
}

/** What is to be told of a run under way, beside its deadline and its budgets. */
export function paceCauses(
  pace: Pace,
  { warnAt }: Pick<Definition, 'warnAt'>,
  { nowMs, commands }: { readonly nowMs: number; readonly commands: PaceCommands },
): AlertCause[] {
  return [...stoppedCauses(pace, warnAt, commands), ...standstillCauses(pace, nowMs, commands)];
}

/** PA1: whether so many have given up that it is told. More of them never make it less so. */
export function isFailing(
  { jobs, done, stopped }: { readonly jobs: number; readonly done: number; readonly stopped: number },
  warnAt: Definition['warnAt'],
): boolean {
  const share = warnAt?.parked ?? STOPPED_SHARE;
  if (share === false || stopped < STOPPED_MIN) return false;
  const ended = done + stopped;
  // A batch that is smaller is judged by all of its jobs.
  const isSmall = jobs < ENDS_MIN;
  if (!isSmall && ended < ENDS_MIN) return false;
  return stopped >= share * (isSmall ? jobs : ended);
}

/** PA1 */
function stoppedCauses(
  { name, batchId, openedSeq, jobs, waiting, done, stopped }: Pace,
  warnAt: Definition['warnAt'],
  commands: PaceCommands,
): AlertCause[] {
  if (!isFailing({ jobs, done, stopped: stopped.length }, warnAt)) return [];
  return [
    {
      fingerprint: alertFingerprint('failing', name, `${batchId} ${openedSeq}`, undefined),
      rule: 'failing',
      subject: '',
      errorClass: undefined,
      detail: {
        headline: `${stopped.length} of the ${done + stopped.length} jobs that ended so far were parked or held${mostly(stopped)}; ${waiting} of ${jobs} jobs wait`,
        jobs: stopped.length,
        of: jobs,
        examples: examplesOf(stopped),
        next: [
          { what: 'see why', command: commands.status },
          {
            what: 'where the rest would fail alike, begin no more before that is mended',
            command: commands.pause,
          },
        ],
      },
    },
  ];
}

/** The class that most of them have. */
function mostly(stopped: Pace['stopped']): string {
  const counts = new Map<string, number>();
  for (const { error } of stopped)
    if (error !== undefined) counts.set(error.class, (counts.get(error.class) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most === undefined ? '' : `, ${most[1]} with error class ${most[0]}`;
}

/** PA2 */
function standstillCauses(
  { name, batchId, jobs, waiting, stillSinceMs, inHand }: Pace,
  nowMs: number,
  commands: PaceCommands,
): AlertCause[] {
  if (stillSinceMs === undefined) return [];
  return [
    {
      fingerprint: alertFingerprint('standstill', name, batchId, undefined),
      rule: 'standstill',
      subject: '',
      errorClass: undefined,
      detail: {
        headline: `nothing has come of any job for ${spanText(nowMs - stillSinceMs)}, since ${isoTime(stillSinceMs)}, with ${inHand} ${inHand === 1 ? 'session or effect' : 'sessions and effects'} under way; ${waiting} of ${jobs} jobs are not finished`,
        jobs: 0,
        of: jobs,
        examples: [],
        next: [
          { what: 'see what runs, and since when', command: commands.status },
          {
            what: 'where sessions hang, give the agent a shorter "timeout", or "quiet", in the batch file, then start it from the file',
            command: commands.run,
          },
        ],
      },
    },
  ];
}
