import type { ScheduleNights } from '../../nights/read-nights.js';
import { backfillCommand, nightTitle } from '../../policy/night-alerts.js';
import { UNSERVED, type SeenNight } from '../../policy/seen-nights.js';
import { plural } from '../format.js';
import type { commandsAt } from './commands.js';
import type { Decision, DecisionCase, MissedNight, PlannedNight } from './model.js';

/** What schedules add to a report. */
export interface Scheduled {
  /** Nights that this report is of, newest first. */
  readonly planned: readonly PlannedNight[];
  /** Nights that did not run, newest first. */
  readonly missed: readonly MissedNight[];
  /** Those of them that no later night has made good. */
  readonly decision: Decision | undefined;
}

export const NOTHING_SCHEDULED: Scheduled = { planned: [], missed: [], decision: undefined };

type Command = ReturnType<typeof commandsAt>;

/** Stretches that are spelt out. */
const CASES_MAX = 10;

/** @param planned nights that the report is of */
export function scheduledPart(
  schedules: readonly ScheduleNights[],
  planned: readonly PlannedNight[],
  command: Command,
): Scheduled {
  const missed = schedules
    .flatMap(({ kept, nights }) =>
      nights
        .filter(({ outcome }) => UNSERVED.has(outcome) || outcome === 'paused')
        .map((night) => missedNight(night, kept.definition.timeZone, command)),
    )
    .sort((a, b) => b.at.localeCompare(a.at));
  return { planned, missed, decision: decisionOf(schedules, command) };
}

const missedNight = (night: SeenNight, timeZone: string, command: Command): MissedNight => ({
  schedule: night.schedule,
  night: night.night,
  timeZone,
  edition: night.edition,
  at: night.dueAt,
  what: WHAT[night.outcome] ?? 'missed',
  why: night.why,
  command: backfillCommand([night], command),
});

const WHAT: Partial<Record<SeenNight['outcome'], MissedNight['what']>> = {
  skipped: 'skipped',
  failed: 'failed',
  late: 'late',
  paused: 'paused',
};

/** Of planned nights, and how each is named. */
export const plannedNight = (
  { schedule, night, edition }: Pick<SeenNight, 'schedule' | 'night' | 'edition'>,
  timeZone: string,
): PlannedNight => ({ schedule, night, timeZone, edition });

/** `2026-11-23 02:30 (Europe/Madrid), schedule digest, edition 2026-11-23`. */
export const plannedText = ({ night, timeZone, schedule, edition }: PlannedNight): string =>
  `${nightTitle(night, timeZone)}, schedule ${schedule}, edition ${edition}`;

function decisionOf(schedules: readonly ScheduleNights[], command: Command): Decision | undefined {
  const gaps = schedules.flatMap(({ kept, gaps }) =>
    gaps.map((nights) => ({ nights, timeZone: kept.definition.timeZone })),
  );
  if (gaps.length === 0) return undefined;
  const count = gaps.reduce((sum, { nights }) => sum + nights.length, 0);
  return {
    kind: 'missed',
    title: `${plural(count, 'night')} did not run`,
    why: 'Nobody makes up for them by itself. Run those that are still wanted; what is done stays as it is. This goes away when the newest night has run.',
    count: gaps.length,
    cases: gaps.slice(-CASES_MAX).map(({ nights, timeZone }) => gapCase(nights, timeZone, command)),
    commands: [],
  };
}

function gapCase(nights: readonly SeenNight[], timeZone: string, command: Command): DecisionCase {
  const [first, last] = [nights[0], nights.at(-1)];
  if (!first || !last) throw new Error('a gap has nights');
  const title =
    first === last
      ? `${first.schedule}: ${nightTitle(first.night, timeZone)}`
      : `${first.schedule}: ${nights.length} nights, ${first.night.replace('T', ' ')} to ${nightTitle(last.night, timeZone)}`;
  return {
    title,
    detail: last.why,
    commands: [
      {
        say: first === last ? 'run it after all' : 'run them after all',
        command: backfillCommand(nights, command),
      },
    ],
  };
}
