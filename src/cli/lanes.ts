import type { LaneStatus } from '../client/lanes.js';
import { UsageError } from '../contract/errors.js';
import { localTime, localTimesIn } from '../report/format.js';
import { dim, type Line, type Span } from '../report/line.js';
import { safeText } from '../report/safe-text.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface LanesFlags {
  readonly reset?: string;
  readonly reason?: string;
}

/** `nightshift lanes`: what workers share of each account, and what is closed until when. Needs no engine. */
export async function lanes({ reset, reason }: LanesFlags, shell: Shell): Promise<ExitCode> {
  const { out, flags } = shell;
  if (reason !== undefined && reset === undefined) throw new UsageError('--reason goes with --reset');
  const nightshift = await shell.nightshift();
  if (reset !== undefined) {
    const lane = await nightshift.resetLane(reset, reason);
    if (flags.json) out.json({ reset: lane });
    else out.result(`${lane.label} is open; what was learnt of its rate is forgotten`);
    return ExitCode.done;
  }
  const seen = await nightshift.lanes();
  if (flags.json) out.json({ ...seen });
  else if (seen.lanes.length === 0) out.result('no lane was ever limited or in trouble');
  else out.results([...table(seen.lanes, out.resultColumns), ...reasons(seen.lanes, shell)]);
  return seen.lanes.some(({ state }) => state === 'closed') ? ExitCode.tryAgainLater : ExitCode.done;
}

const table = (list: readonly LaneStatus[], columns: number | undefined): Line[] =>
  tableLines(
    ['lane', 'service', 'state', 'requests/min', 'sessions', 'tokens/min', 'spend/10min', 'until'],
    list.map((lane): Span[] => [
      lane.id,
      lane.label,
      lane.state,
      lane.requestsPerMinute === undefined ? '' : String(lane.requestsPerMinute),
      lane.sessionsMax === undefined ? '' : `${lane.sessions} of ${lane.sessionsMax}`,
      lane.tokensPerMinute === undefined ? '' : String(lane.tokensPerMinute),
      lane.spendPer10Min === undefined ? '' : String(lane.spendPer10Min),
      lane.until === undefined ? '' : localTime(lane.until),
    ]),
    columns,
  );

const reasons = (list: readonly LaneStatus[], shell: Shell): Line[] =>
  list.flatMap(({ id, why, state }) => {
    if (why === undefined) return [];
    const open = state === 'closed' ? [[dim(`  open it now: ${shell.command('lanes', '--reset', id)}`)]] : [];
    return [[], [`${id}: ${localTimesIn(safeText(why))}`], ...open];
  });
