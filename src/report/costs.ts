import type { CostReport } from '../client/costs.js';
import type { CostSession } from '../client/cost-sessions.js';
import type { CostSlice } from '../client/cost-slices.js';
import { jobTitle } from '../contract/job.js';
import { moneyOfMicros } from '../policy/money.js';
import { bars } from './bars.js';
import { localTime, plural } from './format.js';
import { bold, dim, yellow, type Line, type Span } from './line.js';
import { tableLines } from './table.js';
import { padTo, widthOf } from './columns.js';

/** The table of `nightshift costs`: slices, then a total for each currency, then what needs to be said of them. */
export function costLines(report: CostReport, columns?: number): Line[] {
  const { by, slices, totals } = report;
  const amounts = amountColumns([...slices, ...totals]);
  const row = (slice: CostSlice, title: Span, paint: (text: string) => Span = plain): Span[] => [
    title,
    ...amounts.map(({ of, width }) => paint(padLeft(of(slice), width))),
  ];
  const rows = [
    ...slices.map((slice) => row(slice, slice.key)),
    ...totals.map((total) => row(total, bold('total'), bold)),
  ];
  const head = [by, ...amounts.map(({ title, width }) => padLeft(title, width))];
  return [...tableLines(head, rows, columns), ...noteLines(report)];
}

/** Each session with what it cost, and under it what else needs to be said of all. */
export function sessionLines(sessions: readonly CostSession[], report: CostReport, columns?: number): Line[] {
  const rows = sessions.map((session): Span[] => {
    const { openedAt, provider, ids, runKey, attempt, identity, batch, batchId, use, reason } = session;
    const { inputTokens, outputTokens, costMicros, costSource, currency, reservedMicros } = session;
    const money =
      use === 'open'
        ? `${moneyOfMicros(reservedMicros, currency)} reserved`
        : costSource === 'none'
          ? 'unknown'
          : moneyOfMicros(costMicros, currency);
    return [
      localTime(openedAt, report.timeZone),
      `${provider} ${idsText(ids) || `run ${runKey.slice(0, 12)}#${attempt}`}`,
      jobTitle(identity),
      batch ?? batchId,
      use === 'wasted' ? yellow(`wasted: ${reason ?? ''}`) : use,
      String(inputTokens + outputTokens),
      money,
    ];
  });
  const head = ['began', 'session', 'job', 'batch', 'use', 'tokens', 'cost'];
  return [...tableLines(head, rows, columns), ...noteLines(report)];
}

/** `session sesn_01…`, as the service names them. */
export const idsText = (ids: CostSession['ids']): string =>
  Object.entries(ids)
    .map(([name, id]) => `${name} ${id}`)
    .join(', ');

/** Few enough to be compared by eye; the dearest come first. */
const BARS_MAX = 30;
const DRAWN: ReadonlySet<CostReport['by']> = new Set(['site', 'work']);

/** Costs as bars, useful and wasted: of each site or work where those were asked for, and of each day. */
export const barLines = ({ by, slices, days, totals }: CostReport, columns = 80): Line[] =>
  totals.flatMap(({ currency }) => [
    ...(DRAWN.has(by) ? barsOf(by, slices.slice(0, BARS_MAX), currency, columns) : []),
    ...barsOf('day', days, currency, columns),
  ]);

/** Nothing where there is one only, or where nothing was paid. */
function barsOf(of: string, slices: readonly CostSlice[], currency: string, columns: number): Line[] {
  const own = slices.filter((slice) => slice.currency === currency && slice.sessions > 0);
  if (own.length < 2 || own.every(({ costMicros }) => costMicros === 0)) return [];
  const rows = own.map((slice) => ({
    title: slice.key,
    full: slice.usefulMicros,
    light: slice.wastedMicros,
    after: moneyOfMicros(slice.costMicros, currency),
  }));
  return [[''], [dim(`cost of each ${of} in ${currency}: █ useful, ░ wasted`)], ...bars(rows, columns)];
}

function noteLines({ totals, prices }: CostReport): Line[] {
  const notes = totals.flatMap((total): Span[] => {
    const amount = (micros: number) => moneyOfMicros(micros, total.currency);
    const { estimatedMicros, setAsideMicros, unknown, open, reservedMicros, attachedMicros } = total;
    const guessedMicros = estimatedMicros - setAsideMicros;
    return [
      ...(setAsideMicros > 0
        ? [yellow(`${amount(setAsideMicros)} of it is what was set aside: the real cost was not told`)]
        : []),
      ...(guessedMicros > 0
        ? [yellow(`${amount(guessedMicros)} of it is an estimate of the agent: the real cost was not told`)]
        : []),
      ...(unknown > 0
        ? [
            yellow(
              `${plural(unknown, 'session')} told no cost, and ${unknown === 1 ? 'counts' : 'count'} as nothing`,
            ),
          ]
        : []),
      ...(open > 0 ? [`${plural(open, 'session')} under way, ${amount(reservedMicros)} reserved`] : []),
      ...(attachedMicros > 0
        ? [`${amount(attachedMicros)} not paid again: those sessions were gone on with after a break`]
        : []),
    ];
  });
  const tables = prices.map(({ id, date }) => `${id} (${date === '' ? 'without a date' : date})`);
  if (tables.length > 0) notes.push(dim(`prices: ${tables.join(', ')}`));
  return notes.map((note) => [note]);
}

interface AmountColumn {
  readonly title: string;
  readonly of: (slice: CostSlice) => string;
  readonly width: number;
}

function amountColumns(all: readonly CostSlice[]): readonly AmountColumn[] {
  const amount = (slice: CostSlice, micros: number) => moneyOfMicros(micros, slice.currency);
  const columns: readonly Omit<AmountColumn, 'width'>[] = [
    { title: 'sessions', of: ({ sessions }) => String(sessions) },
    { title: 'cost', of: (slice) => (isUntold(slice) ? 'unknown' : amount(slice, slice.costMicros)) },
    { title: 'useful', of: (slice) => amount(slice, slice.usefulMicros) },
    { title: 'wasted', of: (slice) => amount(slice, slice.wastedMicros) },
    { title: 'waste', of: ({ costMicros, wastedMicros }) => percent(wastedMicros, costMicros) },
    { title: 'tokens', of: ({ inputTokens, outputTokens }) => String(inputTokens + outputTokens) },
  ];
  return columns.map((column) => ({
    ...column,
    width: Math.max(widthOf(column.title), ...all.map((slice) => widthOf(column.of(slice)))),
  }));
}

/** Nothing, only because nobody told it. */
const isUntold = ({ costMicros, unknown }: CostSlice): boolean => costMicros === 0 && unknown > 0;

const percent = (part: number, whole: number): string =>
  whole === 0 ? '' : `${((part / whole) * 100).toFixed(1)}%`;

const plain = (text: string): Span => text;

const padLeft = (text: string, width: number): string => padTo('', width - widthOf(text)) + text;
