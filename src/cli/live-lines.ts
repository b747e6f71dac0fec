import { jobTitle } from '../contract/job.js';
import type { Snapshot } from '../client/watch.js';
import { cutTo, widthOf } from '../report/columns.js';
import { duration, localTimesIn } from '../report/format.js';
import { STATE_SHOWN, countParts, finishedOf, styleOfState, type LiveCounts } from '../report/job-counts.js';
import { blue, bold, dim, wrapped, yellow, type Line, type Span } from '../report/line.js';
import { safeText } from '../report/safe-text.js';
import type { Pace } from './pace.js';
import { stepText } from '../report/step-text.js';
import { waitsText } from '../report/waits-text.js';

/** What the live view knows beside the snapshot. */
export interface LiveContext {
  readonly name: string;
  readonly nowMs: number;
  /** When this call began to watch; used until the ledger knows when the run was opened. */
  readonly sinceMs: number;
  readonly columns: number;
  readonly pace: Pace | undefined;
  /** Command that ends a pause. */
  readonly resume: string;
}

const ACTIVE_MAX = 8;
const TROUBLE_MAX = 4;
const BAR_COLUMNS_MAX = 60;
const BAR_COLUMNS_MIN = 10;

/** A picture of a batch under way, a few lines high. */
export function liveLines(snapshot: Snapshot, context: LiveContext): Line[] {
  const { counts, active } = snapshot;
  const running = active.filter(({ state }) => state === 'running').slice(0, ACTIVE_MAX);
  const hidden = counts.running - running.length;
  return [
    header(snapshot, context),
    ...(counts.jobs > 0 ? [bar(counts, context.columns)] : []),
    ...wrapped(countParts(counts), ', ', context.columns - 1),
    ...paceLines(context.pace),
    ...pausedLines(snapshot, context),
    ...snapshot.waitsFor.map((waits): Line => [
      yellow('waits for '),
      cutTo(waitsText(waits), context.columns - 11),
    ]),
    ...running.map((job) => activeLine(job, context)),
    ...(hidden > 0 && running.length > 0 ? [[dim(`  and ${hidden} more running`)]] : []),
    ...troubleLines(snapshot),
  ];
}

function header({ state, openedAt }: Snapshot, { name, nowMs, sinceMs }: LiveContext): Line {
  const elapsed = duration(nowMs - (openedAt === undefined ? sinceMs : Date.parse(openedAt)));
  const shown: Span = state === 'paused' ? yellow(state) : state === 'running' ? blue(state) : state;
  return [bold(name), '  ', shown, '  ', elapsed];
}

/** One cell for each share of the jobs; a state that any job is in has at least one. */
function bar(counts: LiveCounts, columns: number): Line {
  const figures = ` ${finishedOf(counts)}/${counts.jobs}`;
  const cells = Math.max(BAR_COLUMNS_MIN, Math.min(BAR_COLUMNS_MAX, columns - figures.length - 1));
  const shares = STATE_SHOWN.map(({ state, style }) => {
    const jobs = counts[state] ?? 0;
    return { style, state, cells: jobs === 0 ? 0 : Math.max(1, Math.round((jobs / counts.jobs) * cells)) };
  });
  // What rounding gave too much or too little goes to the largest.
  const largest = shares.reduce((a, b) => (b.cells > a.cells ? b : a));
  largest.cells += cells - shares.reduce((sum, share) => sum + share.cells, 0);
  const fill = (state: string) => (state === 'waiting' ? '░' : state === 'running' ? '▒' : '█');
  return [
    ...shares
      .filter((share) => share.cells > 0)
      .map(({ style, state, cells: n }): Span => ({ style, text: fill(state).repeat(n) })),
    figures,
  ];
}

function paceLines(pace: Pace | undefined): Line[] {
  if (!pace) return [];
  const rate = pace.jobsPerMinute >= 10 ? pace.jobsPerMinute.toFixed(0) : pace.jobsPerMinute.toFixed(1);
  return [[`${rate} jobs/min`, ...(pace.leftMs > 0 ? [`, about ${duration(pace.leftMs)} left`] : [])]];
}

function pausedLines({ state, reason }: Snapshot, { resume }: LiveContext): Line[] {
  if (state !== 'paused') return [];
  return [
    [yellow('paused'), reason === undefined ? '' : `: ${reason}`],
    [dim('go on with: '), resume],
  ];
}

function activeLine(job: Snapshot['active'][number], { nowMs, columns }: LiveContext): Line {
  const begun = Date.parse(job.since);
  const tail = `  ${stepText(job)}${Number.isNaN(begun) ? '' : `  ${duration(nowMs - begun)}`}`;
  // The title gives way, so that how long it takes stays in sight.
  const title = cutTo(safeText(jobTitle(job.identity)), columns - 3 - widthOf(tail));
  return ['  ', title, dim(tail)];
}

const troubleLines = ({ troubled }: Snapshot): Line[] =>
  troubled
    .slice(0, TROUBLE_MAX)
    .map(({ identity, state, error }) => [
      { style: styleOfState(state), text: `${state} ` },
      jobTitle(identity),
      ...(error ? [dim(`  ${error.class}: ${localTimesIn(error.message)}`)] : []),
    ]);
