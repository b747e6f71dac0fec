import { relative } from 'node:path';
import { dim } from '../report/line.js';
import { reportLines } from '../report/morning/terminal.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface ReportFlags {
  readonly html?: string;
  readonly timeZone?: string;
}

/** `nightshift report [NAME]`: the morning report, for the terminal and as one HTML file. Needs no engine. */
export async function report(
  name: string | undefined,
  { html, timeZone }: ReportFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const nightshift = await shell.nightshift();
  const made = await nightshift.report({
    ...(name !== undefined && { nameOrId: name }),
    ...(html !== undefined && { html }),
    ...(timeZone !== undefined && { timeZone }),
  });
  if (flags.json) out.json(made);
  else {
    out.results(reportLines(made.report, out.resultColumns));
    if (made.html !== undefined) {
      out.result('');
      out.result([dim('report: '), relative(process.cwd(), made.html) || made.html]);
    }
  }
  const { decisions, night } = made.report;
  return night === undefined || decisions.length > 0 ? ExitCode.incomplete : ExitCode.done;
}
