import type { Plan } from '../client/nightshift.js';
import type { PlannedEffect, PlannedJob } from '../client/plan.js';
import type { Verdict } from '../ledger/ledger.js';
import { plural } from '../report/format.js';
import { bold, dim, type Line, type Span, type Style } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface PlanFlags {
  readonly all?: boolean;
}

/** Rows that a terminal is shown before it is told of `--all`. */
const ROWS_MAX = 40;

const VERDICTS: Readonly<Record<Verdict, { readonly style: Style; readonly meaning: string }>> = {
  new: { style: 'green', meaning: 'never done' },
  resume: { style: 'blue', meaning: 'begun and not finished' },
  update: { style: 'yellow', meaning: 'done at a lower revision' },
  adopt: { style: 'dim', meaning: 'done already' },
  parked: { style: 'yellow', meaning: 'gave up; waits for "nightshift retry"' },
  conflict: { style: 'red', meaning: 'changed without a higher revision; held' },
};

/** `nightshift plan FILE`: what a run would do, per job and effect. Changes nothing. */
export async function plan(file: string, flags: PlanFlags, shell: Shell): Promise<ExitCode> {
  const nightshift = await shell.nightshift();
  const planned = await nightshift.plan(await nightshift.read(file));
  printPlan(planned, shell, flags);
  if (!shell.flags.json && planned.toRun > 0) shell.out.progress(`next: ${shell.command('run', file)}`);
  return planned.counts.adopt === planned.jobs.length ? ExitCode.done : ExitCode.incomplete;
}

export function printPlan(planned: Plan, { flags, out }: Shell, { all }: PlanFlags = {}): void {
  const { name, key, workflowId, ...rest } = planned;
  if (flags.json) out.json({ batch: { name, key, workflowId }, ...rest });
  else {
    out.results(planLines(planned, all ? undefined : out.resultColumns));
    for (const warning of planned.warnings) out.note(`note: ${warning}`);
  }
}

/** @param columns given for a terminal, where a long table is cut */
export function planLines({ name, counts, toRun, jobs }: Plan, columns?: number): Line[] {
  const rowsMax = columns === undefined ? Infinity : ROWS_MAX;
  // What is done already is the least news.
  const inOrder = [...jobs.filter(isNews), ...jobs.filter((job) => !isNews(job))];
  const rows = inOrder.slice(0, rowsMax).map(rowOf);
  const hidden = jobs.length - rows.length;
  const summary = Object.entries(VERDICTS).flatMap(([verdict, { style, meaning }]): Line[] => {
    const count = counts[verdict as Verdict];
    return count === 0 ? [] : [[{ style, text: `  ${count} ${verdict}` }, dim(`  ${meaning}`)]];
  });
  return [
    ...tableLines(['job', 'plan', 'effects', 'note'], rows, columns),
    ...(hidden > 0 ? [[dim(`and ${hidden} more; all of them: --all`)]] : []),
    [],
    [bold(name), `: ${plural(jobs.length, 'job')}, ${toRun === 0 ? 'nothing to run' : `${toRun} to run`}`],
    ...summary,
  ];
}

const isNews = ({ verdict }: PlannedJob): boolean => verdict !== 'adopt';

const rowOf = ({ title, verdict, effects, note }: PlannedJob): Span[] => [
  title,
  { style: VERDICTS[verdict].style, text: verdict },
  effects.map(effectText).join(', '),
  note ?? '',
];

const effectText = ({ name, action }: PlannedEffect): string =>
  `${name}: ${action === 'none' ? 'landed' : action}`;
