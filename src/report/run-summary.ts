import type { BatchOutcome, RunReport } from '../contract/result.js';
import { money, spentText } from '../policy/money.js';
import { duration, plural } from './format.js';
import { countParts, finishedOf } from './job-counts.js';
import { bold, dim, type Line, type Span, type Style } from './line.js';
import { pausedText } from './paused-text.js';
import { isUnfinished, needsPerson, nextSteps, type Commands } from './next-steps.js';
import { unfinishedLines } from './unfinished-jobs.js';

const PLACES_MAX = 3;
const UNFINISHED_MAX = 10;

const STYLE_OF: Readonly<Record<BatchOutcome, Style>> = {
  completed: 'green',
  'already-completed': 'green',
  incomplete: 'yellow',
  paused: 'yellow',
  waiting: 'yellow',
  cancelled: 'red',
};

const WORDS: Partial<Record<BatchOutcome, string>> = { waiting: 'waits for approval' };

/** What a start did, for the person who started it: counts, money, where the results are, and what is left to do. */
export function runSummary(report: RunReport, commands: Commands, tookMs: number): Line[] {
  const { batch, counts, sessions, effects, cost, hold, jobs } = report;
  if (batch.result === 'already-completed') return alreadyCompleted(report);
  const states = tally(report);
  const uncertain: Span[] = [
    ...(effects.unknown > 0 ? [`, ${effects.unknown} with unknown outcome`] : []),
    ...(effects.held > 0 ? [`, ${effects.held} held`] : []),
  ];
  const unfinished = jobs.filter(isUnfinished);
  const [asking, others] = [unfinished.filter(needsPerson), unfinished.filter((job) => !needsPerson(job))];
  const steps = nextSteps(unfinished, batch.result, commands);
  return [
    [
      bold(batch.name),
      ': ',
      { style: STYLE_OF[batch.result], text: WORDS[batch.result] ?? batch.result },
      batch.reason === undefined || hold ? '' : ` (${batch.reason})`,
      `, ${finishedOf(counts)} of ${plural(counts.jobs, 'job')} finished, in ${duration(tookMs)}`,
    ],
    ...(hold ? [field('paused', [pausedText(hold)])] : []),
    ...(states.length > 0 ? [field('jobs', states)] : []),
    field('sessions', [
      `${sessions.started} started, ${sessions.attached} attached, ${sessions.wasted} wasted`,
    ]),
    field('effects', [`${effects.landed} landed, ${effects.adopted} found landed`, ...uncertain]),
    field('cost', [
      spentText(cost),
      ...(cost.wasted > 0 ? [`, ${money(cost.wasted, cost.currency)} of it wasted`] : []),
    ]),
    ...places(report, commands),
    ...section(`${plural(asking.length, 'job needs', 'jobs need')} a person:`, asking),
    ...section(`${plural(others.length, 'job waits', 'jobs wait')} for the next day of a budget:`, others),
    ...(steps.length > 0 ? [[]] : []),
    ...steps.map((step): Line => [bold('next: '), step]),
  ];
}

const section = (title: string, jobs: RunReport['jobs']): Line[] =>
  jobs.length === 0 ? [] : [[], [bold(title)], ...unfinishedLines(jobs, UNFINISHED_MAX)];

function alreadyCompleted({ batch, counts, sessions, effects, cost }: RunReport): Line[] {
  return [
    [
      bold(batch.name),
      ': ',
      { style: 'green', text: 'already completed' },
      `: nothing to do; ${plural(finishedOf(counts), 'job')} done earlier, ${plural(sessions.started, 'session')}, ` +
        `${plural(effects.landed, 'effect')}, ${spentText(cost)}`,
    ],
  ];
}

/** States from the jobs themselves: the counts of a report leave out what is waiting or gated. */
function tally({ counts, jobs }: RunReport): Span[] {
  const of = (state: string) => jobs.filter((job) => job.state === state).length;
  const parts = countParts({
    ...counts,
    waiting: of('waiting'),
    running: of('running'),
    gated: of('gated'),
  });
  return parts.flatMap((part, at) => (at === 0 ? [part] : [', ', part]));
}

function places({ jobs }: RunReport, { receipts }: Commands): Line[] {
  const found = jobs.flatMap(({ effects }) =>
    effects.flatMap(({ state, url, id, takenBack }) =>
      state === 'landed' && !takenBack ? [url ?? id ?? ''] : [],
    ),
  );
  const shown = found.filter((place) => place !== '').slice(0, PLACES_MAX);
  if (shown.length === 0) return [];
  const more = found.length - shown.length;
  return [
    ...shown.map((place, at) => field(at === 0 ? 'results' : '', [place])),
    ...(more > 0 ? [field('', [dim(`and ${more} more: ${receipts}`)])] : []),
  ];
}

const field = (name: string, value: readonly Span[]): Line => [dim(`  ${name.padEnd(9)} `), ...value];
