import type { Closure, ReportRows } from '../../ledger/report-rows.js';
import type { Stop } from './model.js';

/** Shorter ones are the ordinary pace of a service. */
const STOP_MIN_MS = 2_000;

/** Stretches in which something new could not start, cut to the run that is shown: pauses, closed services, used-up quotas. */
export function stopsOf(
  { changes, closures }: Pick<ReportRows, 'changes' | 'closures'>,
  from: number,
  to: number,
): readonly Stop[] {
  return [...ownPauses(changes, to), ...closures.map((closure) => stopOf(closure, to))]
    .map((stop) => ({
      ...stop,
      from: iso(Math.max(from, Date.parse(stop.from))),
      to: iso(Math.min(to, Date.parse(stop.to))),
    }))
    .filter(
      (stop) => Date.parse(stop.to) - Date.parse(stop.from) >= (stop.kind === 'paused' ? 1 : STOP_MIN_MS),
    )
    .sort((a, b) => (a.from < b.from ? -1 : 1));
}

/** From a pause to what ended it. */
const ownPauses = (changes: ReportRows['changes'], to: number): readonly Stop[] =>
  changes.flatMap(({ at, to: state, detail }, index): Stop[] => {
    if (state !== 'paused') return [];
    const next = changes[index + 1];
    const what = detail === '' ? 'paused' : `paused: ${detail}`;
    return [{ kind: 'paused', from: at, to: next?.at ?? iso(to), what }];
  });

function stopOf(closure: Closure, end: number): Stop {
  const { from, to = iso(end), why } = closure;
  if (closure.of === 'hold') return { kind: 'paused', from, to, what: why };
  return { kind: 'closed', from, to, what: `${closure.label} ${CAUSES[closure.cause]}`, said: why };
}

const CAUSES = {
  transient: 'failed too often and was left alone',
  auth: 'refused the credentials',
  exhausted: 'had no quota left',
  throttled: 'asked to wait',
} as const;

const iso = (ms: number): string => new Date(ms).toISOString();
