import { COST_DIMENSIONS, type CostDimension } from '../client/cost-slices.js';
import { UsageError } from '../contract/errors.js';
import { barLines, costLines, sessionLines } from '../report/costs.js';
import { costsCsv, sessionsCsv } from '../report/costs-csv.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface CostsFlags {
  readonly by?: string;
  readonly since?: string;
  readonly until?: string;
  readonly timeZone?: string;
  readonly csv?: boolean;
  readonly sessions?: boolean;
}

/** `nightshift costs [NAME]`: what sessions cost, what of it was wasted and why. Needs no engine. */
export async function costs(
  name: string | undefined,
  { by = 'work', since, until, timeZone, csv, sessions }: CostsFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  if (csv && flags.json) throw new UsageError('--csv and --json exclude each other');
  const nightshift = await shell.nightshift();
  const report = await nightshift.costs({
    by: dimensionOf(by),
    ...(name !== undefined && { nameOrId: name }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(timeZone !== undefined && { timeZone }),
    ...(sessions && { sessions }),
  });
  if (flags.json) out.json(report);
  else if (csv)
    for (const record of report.sessions ? sessionsCsv(report.sessions) : costsCsv(report))
      out.result(record);
  else if (report.totals.length === 0) out.progress('no session was booked or is under way');
  else if (report.sessions) out.results(sessionLines(report.sessions, report, out.resultColumns));
  else out.results([...costLines(report, out.resultColumns), ...barLines(report, out.resultColumns)]);
  return ExitCode.done;
}

function dimensionOf(by: string): CostDimension {
  const dimension = COST_DIMENSIONS.find((one) => one === by);
  if (dimension !== undefined) return dimension;
  throw new UsageError(`costs can't be split by "${by}"; by ${COST_DIMENSIONS.join(', ')} they can`);
}
