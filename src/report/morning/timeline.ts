import type { ReportRows, Span } from '../../ledger/report-rows.js';
import { SECOND_MS } from '../../contract/units.js';
import { duration } from '../format.js';
import { shortTitles } from './short-titles.js';
import type { Bin, Lane, Piece, Timeline } from './model.js';
import { stopsOf } from './stops.js';

/** As many lanes as a person reads at one look. */
const LANES_MAX = 24;
const BINS_MAX = 96;
/** Shorter gaps between tries are the work of starting the next one, not a wait. */
const WAIT_MIN_MS = 2_000;

const GOOD_ENDS = new Set(['collected', 'landed', 'reused']);
const BAD_ENDS = new Set(['failed', 'lost', 'cancelled', 'unknown', 'held', 'superseded']);

/** The last run of a batch on a line of time: how much was under way, what stopped it, and who had to wait. */
export function timelineOf(rows: ReportRows, nowMs: number): Timeline {
  const { batch } = rows;
  const from = Date.parse(batch.openedAt);
  const to = Math.max(from + SECOND_MS, batch.closedAt === undefined ? nowMs : Date.parse(batch.closedAt));
  return {
    from: iso(from),
    to: iso(to),
    ...binsOf(rows.beats, from, to),
    stops: stopsOf(rows, from, to),
    lanes: lanesOf(rows, from, to),
    jobs: rows.jobsWorkedOn,
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** What began and ended within one second; which of it came first is not known. */
interface Second {
  begun: number;
  ended: number;
}

/** How much was under way at most, and how much ended, in each of at most 96 pieces of the time. */
export function binsOf(
  beats: ReportRows['beats'],
  from: number,
  to: number,
): Pick<Timeline, 'bins' | 'binMs'> {
  const binMs = Math.max(SECOND_MS, Math.ceil((to - from) / BINS_MAX / SECOND_MS) * SECOND_MS);
  const bins = Array.from({ length: Math.ceil((to - from) / binMs) }, (_, at) => ({
    from: from + at * binMs,
    good: 0,
    bad: 0,
    seconds: new Map<string, Second>(),
  }));
  let busy = 0;
  for (const { second, what, count } of beats) {
    const at = Math.floor((Date.parse(`${second}.999Z`) - from) / binMs);
    // A session may have begun in a run before this one.
    if (at < 0) busy += what === 'begun' ? count : -count;
    const bin = bins[Math.min(at, bins.length - 1)];
    if (bin === undefined) continue;
    const within = bin.seconds.get(second) ?? { begun: 0, ended: 0 };
    bin.seconds.set(second, within);
    within[what === 'begun' ? 'begun' : 'ended'] += count;
    if (what !== 'begun') bin[what] += count;
  }
  busy = Math.max(0, busy);
  return {
    binMs,
    bins: bins.map(({ seconds, good, bad, from: start }): Bin => {
      let most = busy;
      for (const [, { begun, ended }] of [...seconds].sort(([a], [b]) => (a < b ? -1 : 1))) {
        busy = Math.max(0, busy + begun - ended);
        // Who takes the place of another within a second is not beside it.
        most = Math.max(most, busy, Math.min(1, begun));
      }
      return { from: iso(start), busy: most, good, bad };
    }),
  };
}

function lanesOf({ spans, unfinished }: ReportRows, from: number, to: number): readonly Lane[] {
  const states = new Map(unfinished.map((job) => [`${job.work}:${job.jobKey}`, job.state]));
  const titleOf = shortTitles(spans.map(({ identity }) => identity));
  const byJob = new Map<string, Span[]>();
  for (const span of spans) {
    const key = `${span.work}:${span.jobKey}`;
    const known = byJob.get(key);
    if (known) known.push(span);
    else byJob.set(key, [span]);
  }
  const lanes = [...byJob].map(([key, own]) => {
    const pieces = piecesOf(own, from, to);
    const bad = pieces.filter(({ kind }) => kind === 'failed').length;
    const lane: Lane = {
      title: titleOf(own[0]?.identity ?? {}),
      state: states.get(key) ?? 'done',
      pieces,
      tries: own.length,
      waitedMs: sumOf(pieces.filter(({ kind }) => kind === 'wait').map(lengthOf)),
    };
    const first = Math.min(...pieces.map((piece) => Date.parse(piece.from)));
    return { lane, bad, stopped: states.has(key), tookMs: sumOf(pieces.map(lengthOf)), first };
  });
  return lanes
    .sort((a, b) => Number(b.stopped) - Number(a.stopped) || b.bad - a.bad || b.tookMs - a.tookMs)
    .slice(0, LANES_MAX)
    .sort((a, b) => a.first - b.first)
    .map(({ lane }) => lane);
}

const lengthOf = ({ from, to }: Piece): number => Date.parse(to) - Date.parse(from);
const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

/** What a job went through, in order, with the waits between; cut to the run that is shown. */
function piecesOf(spans: readonly Span[], from: number, to: number): readonly Piece[] {
  const inside = (ms: number): number => Math.min(to, Math.max(from, ms));
  const pieces: Piece[] = [];
  let last: { readonly end: number; readonly failed: boolean } | undefined;
  for (const span of [...spans].sort((a, b) => (a.from < b.from ? -1 : 1))) {
    const start = inside(Date.parse(span.from));
    const end = inside(span.to === undefined ? to : Date.parse(span.to));
    if (last && start - last.end >= WAIT_MIN_MS) {
      const what = `waited ${duration(start - last.end)}${last.failed ? ' before the next try' : ''}`;
      pieces.push({ kind: 'wait', from: iso(last.end), to: iso(start), what });
    }
    const kind = kindOf(span);
    pieces.push({ kind, from: iso(start), to: iso(end), what: whatOf(span, end - start) });
    last = { end: Math.max(end, last?.end ?? end), failed: kind === 'failed' };
  }
  return pieces;
}

function kindOf({ end, step, to }: Span): Piece['kind'] {
  if (to === undefined) return 'open';
  if (BAD_ENDS.has(end ?? '')) return 'failed';
  if (!GOOD_ENDS.has(end ?? '')) return 'open';
  return step === 'agent' ? 'agent' : 'effect';
}

function whatOf({ step, end, errorClass, to }: Span, ms: number): string {
  const who = step === 'agent' ? 'agent session' : `effect “${step}”`;
  const why = errorClass === undefined ? '' : ` (${errorClass})`;
  const how = to === undefined ? 'not ended' : end === 'collected' ? 'done' : (end ?? 'not ended');
  return `${who}: ${how}${why}, ${duration(ms)}`;
}
