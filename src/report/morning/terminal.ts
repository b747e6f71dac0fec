import { bars } from '../bars.js';
import { nightTitle } from '../../policy/night-alerts.js';
import { duration, localTime, plural } from '../format.js';
import { lastOutputText } from '../last-output-text.js';
import { bold, dim, green, red, yellow, type Line, type Span } from '../line.js';
import { tableLines } from '../table.js';
import { deadlineText, MISSED_WORDS, nightsOf, recurrenceOf, whenOf } from './page-words.js';
import type { Cause, Command, Decision, MorningReport, Night, Tone } from './model.js';
import { shortTitles } from './short-titles.js';
import { tilesOf } from './tiles.js';
import { amount, amountTold, clock, dayShort, number, percent } from './words.js';

const CASES_SHOWN = 5;
const DISCARDED_SHOWN = 8;
const LANDED_SHOWN = 8;
const CAUSES_SHOWN = 8;
const MISSED_SHOWN = 7;
const WAITS_SHOWN = 5;
const NIGHTS_SHOWN = 7;

const PAINT: Readonly<Record<Tone, (text: string) => Span>> = { good: green, open: yellow, bad: red };

/** The report for a terminal: the same story in the same order, as long as a screen or two. */
export function reportLines(report: MorningReport, columns?: number): Line[] {
  const { name, night, planned, headline, tone, timeZone } = report;
  return [
    [bold(name), ': ', PAINT[tone](headline)],
    ...(planned.length > 0 ? [[dim(nightsOf(planned))]] : []),
    ...(night
      ? [[dim(whenOf(night, timeZone))], ...deadlineLines(night), ...figureLines(report, night)]
      : []),
    ...decisionLines(report),
    ...missedLines(report),
    ...(night
      ? [
          ...discardedLines(night, timeZone),
          ...landedLines(night, columns),
          ...causeLines(report, night),
          ...waitLines(night, timeZone),
          ...costLines(night, columns),
          ...nightLines(night, timeZone, columns),
        ]
      : []),
  ];
}

const deadlineLines = ({ deadline }: Night): Line[] =>
  deadline === undefined
    ? []
    : [[deadline.met === false ? yellow(deadlineText(deadline)) : dim(deadlineText(deadline))]];

const section = (title: string, lines: readonly Line[]): Line[] =>
  lines.length === 0 ? [] : [[''], [bold(title)], ...lines];

const figureLines = (report: MorningReport, night: Night): Line[] =>
  tilesOf(report, night).map(({ title, value, notes }) => [
    dim(`  ${title.padEnd(21)} `),
    value,
    dim(notes.length > 0 ? `  ${notes.join('; ')}` : ''),
  ]);

function decisionLines({ decisions, directory }: MorningReport): Line[] {
  if (decisions.length === 0) return [[''], [bold('nothing needs a decision')]];
  const where: Line[] =
    directory === undefined || directory === process.cwd() ? [] : [[dim(`  in ${directory}:`)]];
  return section('needs a decision', [...where, ...decisions.flatMap(decisionOf)]);
}

const decisionOf = ({ title, why, count, cases, commands }: Decision): Line[] => [
  ['  ', yellow(count > 1 ? `${title} (${number(count)})` : title)],
  [dim(`  ${why}`)],
  ...cases
    .slice(0, CASES_SHOWN)
    .flatMap((one): Line[] => [
      [`    ${one.title}`, dim(one.detail === '' ? '' : `  ${one.detail}`)],
      ...(one.lastOutput === undefined ? [] : [[dim(`      ${lastOutputText(one.lastOutput)}`)]]),
      ...one.commands.map((command) => commandLine(command, 6)),
    ]),
  ...(count > Math.min(cases.length, CASES_SHOWN) && cases.length > 0
    ? [[dim(`    and ${number(count - Math.min(cases.length, CASES_SHOWN))} more`)]]
    : []),
  ...commands.map((command) => commandLine(command, 4)),
];

const commandLine = ({ say, command }: Command, indent: number): Line => [
  dim(`${' '.repeat(indent)}${say}: `),
  command,
];

function missedLines({ missed }: MorningReport): Line[] {
  const shown = missed
    .slice(0, MISSED_SHOWN)
    .flatMap(({ schedule, night, timeZone, edition, what, why, command }): Line[] => [
      [`  ${nightTitle(night, timeZone)}  `, yellow(MISSED_WORDS[what]), `  ${schedule}, edition ${edition}`],
      [dim(`    ${why}`)],
      commandLine({ say: 'to run it after all', command }, 4),
    ]);
  const more = missed.length - MISSED_SHOWN;
  return section(
    'nights that were skipped or missed',
    more > 0 ? [...shown, [dim(`  and ${more} more, in the HTML report`)]] : shown,
  );
}

function discardedLines({ discarded, counts }: Night, timeZone: string): Line[] {
  const titleOf = shortTitles(discarded.map(({ identity }) => identity));
  const shown = discarded
    .slice(0, DISCARDED_SHOWN)
    .map(({ identity, by, at, reason }): Line => [
      `  ${titleOf(identity)}`,
      dim(`  by ${by}, ${localTime(at, timeZone)}: ${reason}`),
    ]);
  const more = (counts.discarded ?? 0) - shown.length;
  return section(
    'discarded: will not be done',
    more > 0 ? [...shown, [dim(`  and ${number(more)} more`)]] : shown,
  );
}

function landedLines({ landed }: Night, columns: number | undefined): Line[] {
  const titleOf = shortTitles(landed.rows.map(({ identity }) => identity));
  const rows = landed.rows
    .slice(0, LANDED_SHOWN)
    .map(({ identity, url, id }): Span[] => [`  ${titleOf(identity)}`, url ?? id]);
  const more = landed.total - rows.length;
  return section(`landed: ${plural(landed.total, 'effect')}`, [
    ...(rows.length > 0 ? tableLines(['  what', 'where'], rows, columns) : []),
    ...(more > 0 ? [[dim(`  and ${number(more)} more, in the HTML report`)]] : []),
  ]);
}

/** Nothing where nothing is known to be wasted: what no session told is no zero. */
const wastedText = ({ wastedMicros }: Cause, currency: string): string =>
  wastedMicros === 0 ? '' : `, ${amount(wastedMicros, currency)} wasted`;

function causeLines({ causes }: MorningReport, { cost }: Night): Line[] {
  const shown = causes
    .slice(0, CAUSES_SHOWN)
    .flatMap((cause): Line[] => [
      [
        '  ',
        cause.unfinished > 0 ? yellow(cause.meaning) : cause.meaning,
        dim(
          ` (${cause.errorClass}): ${plural(cause.failures, 'failed try', 'failed tries')}, ` +
            `${plural(cause.unfinished, 'job')} not done${wastedText(cause, cost.currency)}; ${recurrenceOf(cause)}`,
        ),
      ],
      [dim(`    ${cause.message}`)],
    ]);
  const more = causes.length - CAUSES_SHOWN;
  return section('failures by cause', more > 0 ? [...shown, [dim(`  and ${more} more causes`)]] : shown);
}

/** Who had to wait longest; the picture of it is in the HTML report. */
function waitLines({ timeline }: Night, timeZone: string): Line[] {
  const stops = timeline.stops.map(({ from, to, what }): Line => [
    `  ${clock(from, timeZone, true)} to ${clock(to, timeZone, true)}  `,
    yellow(what),
  ]);
  const waits = timeline.lanes
    .filter(
      ({ tries, waitedMs, pieces }) =>
        waitedMs > 0 || pieces.some(({ kind }) => kind === 'failed') || tries > 2,
    )
    .sort((a, b) => b.waitedMs - a.waitedMs || b.tries - a.tries)
    .slice(0, WAITS_SHOWN)
    .map(({ title, tries, waitedMs, pieces }): Line => [
      `  ${title}`,
      dim(
        `  ${plural(tries, 'try', 'tries')}, ${pieces.filter(({ kind }) => kind === 'failed').length} failed, waited ${duration(waitedMs)}`,
      ),
    ]);
  return section('retries and waits', [...stops, ...waits]);
}

function costLines({ bySite, byWork }: Night, columns: number | undefined): Line[] {
  const rows = [
    ...bySite.map((part) => ({ by: 'site', part })),
    ...byWork.map((part) => ({ by: 'work', part })),
  ]
    .filter(({ part }) => part.costMicros > 0)
    .map(({ by, part: { key, currency, sessions, costMicros, wastedMicros } }): Span[] => [
      `  ${by}`,
      key === '' ? `no ${by}` : key,
      String(sessions),
      amount(costMicros, currency),
      `${amount(wastedMicros, currency)} (${percent(wastedMicros, costMicros)})`,
    ]);
  if (rows.length === 0) return [];
  return section('cost', tableLines(['  by', 'which', 'sessions', 'cost', 'wasted'], rows, columns));
}

function nightLines({ nights, cost }: Night, timeZone: string, columns = 80): Line[] {
  const own = nights.filter(({ currency }) => currency === cost.currency).slice(-NIGHTS_SHOWN);
  if (own.length < 2) return [];
  const rows = own.map(({ openedAt, costMicros, wastedMicros, unknown, currency, jobs, finished }) => ({
    title: `  ${dayShort(openedAt, timeZone)} ${clock(openedAt, timeZone)}`,
    full: costMicros - wastedMicros,
    light: wastedMicros,
    after: `${amountTold({ costMicros, currency, unknown })}  ${percent(jobs - finished, jobs)} of jobs not done`,
  }));
  return section('the last nights: █ useful, ░ wasted', bars(rows, columns));
}
