import type { NightView } from '../client/schedules/views.js';
import type { ScheduleView } from '../client/schedules/schedules.js';
import type { ScheduleDefinition } from '../contract/schedules-file.js';
import { DAY_MS } from '../contract/units.js';
import { duration, localTime } from '../report/format.js';
import { bold, dim, type Line, type Span, type Style } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

/** Nights that nobody served. */
const NOT_RUN: ReadonlySet<NightView['outcome']> = new Set([
  'skipped',
  'stale',
  'missed',
  'failed',
  'late',
  'paused',
]);

/** `nightshift schedule list`: next and last night of each, and what did not run lately. */
export async function scheduleList(shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  const schedules = await (await shell.nightshift()).schedules.list();
  if (flags.json) {
    out.json({ schedules });
    return ExitCode.done;
  }
  if (schedules.length === 0) {
    out.result('no schedule is applied');
    out.progress(`next: ${shell.command('schedule', 'apply', 'schedules.yaml')}`);
    return ExitCode.done;
  }
  out.results(
    tableLines(
      ['schedule', 'next', 'last night', 'outcome', 'overlap', 'batch file'],
      schedules.map(rowOf),
      out.resultColumns,
    ),
  );
  out.results(notRunLines(schedules.flatMap(({ nights }) => nights)));
  return ExitCode.done;
}

function rowOf({ name, definition, paused, note, next, nights }: ScheduleView): Span[] {
  const last = nights.at(-1);
  const { timeZone, overlap, batch } = definition;
  return [
    name,
    paused
      ? { style: 'yellow', text: note === '' ? 'paused' : note }
      : next === undefined
        ? 'never'
        : localTime(next, timeZone),
    last === undefined ? 'none yet' : shownNight(last),
    last === undefined ? '' : outcomeSpan(last),
    overlap,
    batch,
  ];
}

/** Of the last fourteen days: what is older has been seen, or nobody looks. */
function notRunLines(nights: readonly NightView[]): Line[] {
  const since = new Date(Date.now() - 14 * DAY_MS).toISOString();
  const silent = nights.filter(({ outcome, dueAt }) => NOT_RUN.has(outcome) && dueAt >= since);
  if (silent.length === 0) return [];
  return [
    [],
    [bold('Nights that did not run')],
    ...silent.map((night): Line => [
      `  ${night.schedule}  ${shownNight(night)}  `,
      outcomeSpan(night),
      dim(`  ${night.why}`),
    ]),
  ];
}

/** `nightshift schedule status NAME`: its nights, newest last. */
export async function scheduleStatus(name: string, shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  const view = await (await shell.nightshift()).schedules.status(name);
  if (flags.json) {
    out.json({ ...view });
    return ExitCode.done;
  }
  const { definition, paused, note, next, nights } = view;
  out.result([
    bold(name),
    `: ${paused ? `paused (${note})` : next === undefined ? 'never due' : `next ${localTime(next, definition.timeZone)}`}`,
    definition.after ? `, ${afterText(definition.after)}` : '',
    dim(`  ${definition.batch}`),
  ]);
  if (nights.length === 0) out.result('no night yet');
  else {
    const rows = nights.map((night): Span[] => [
      shownNight(night),
      night.edition,
      outcomeSpan(night),
      night.by,
      night.why,
    ]);
    out.results(tableLines(['night', 'edition', 'outcome', 'by', 'why'], rows, out.resultColumns));
  }
  return ExitCode.done;
}

const afterText = ({ schedule, withinMs, otherwise }: NonNullable<ScheduleDefinition['after']>): string =>
  `after ${schedule} (within ${duration(withinMs)}, else ${otherwise === 'run' ? 'it runs all the same' : 'it is skipped'})`;

const shownNight = ({ night }: NightView): string => night.replace('T', ' ');

/** A night that was started is as good as its batch is. */
function outcomeSpan({ outcome, batchState }: NightView): Span {
  if (NOT_RUN.has(outcome)) return { style: STYLES[outcome] ?? 'red', text: outcome };
  const text = batchState === undefined || outcome === 'finished' ? outcome : `${outcome}, ${batchState}`;
  return batchState === 'incomplete' ? { style: 'yellow', text } : text;
}

const STYLES: Partial<Record<NightView['outcome'], Style>> = {
  late: 'yellow',
  paused: 'yellow',
  skipped: 'yellow',
};
