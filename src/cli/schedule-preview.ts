import { writeFile } from 'node:fs/promises';
import { UsageError } from '../contract/errors.js';
import { firePlot } from '../report/fire-plot.js';
import { localTime, plural } from '../report/format.js';
import { dim, red, type Span } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface SchedulePreviewFlags {
  readonly days: number;
  readonly html?: string;
  readonly timeZone?: string;
}

/** Rows that a terminal is shown; the page and `--json` have all. */
const ROWS_MAX = 60;
const DAYS_MAX = 400;

/** `nightshift schedule preview [FILE]`: the times to come, and which fall together. */
export async function schedulePreview(
  file: string | undefined,
  { days, html, timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone }: SchedulePreviewFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  if (days > DAYS_MAX) throw new UsageError(`--days may be ${DAYS_MAX} at most`);
  assertTimeZone(timeZone);
  const nightshift = await shell.nightshift();
  const preview = await nightshift.schedules.preview({ days, ...(file !== undefined && { file }) });
  if (preview.beside.length > 0)
    out.note(`note: applied and not in this file, so shown as well: ${preview.beside.join(', ')}`);
  if (preview.besideUnknown !== undefined)
    out.note(`note: what is applied and not in this file is not shown: ${preview.besideUnknown}`);
  for (const { schedule, batch } of preview.missing)
    out.note(`note: the batch file of "${schedule}" is not here, and its nights would fail: ${batch}`);
  for (const { schedule, text } of preview.notes) out.note(`note: "${schedule}": ${text}`);
  if (html !== undefined) {
    const { firePage } = await import('../report/fire-page.js');
    await writeFile(html, firePage(preview, timeZone));
    out.progress(`wrote ${html}`);
  }
  if (flags.json) {
    out.json({ ...preview });
    return ExitCode.done;
  }
  const { fires } = preview;
  const rows = fires.slice(0, out.resultColumns === undefined ? Infinity : ROWS_MAX);
  out.results(
    tableLines(
      ['when', 'schedule', 'its own clock', 'falls together with'],
      rows.map(({ at, schedule, local, timeZone: own, collides }): Span[] => [
        localTime(at, timeZone),
        schedule,
        own === timeZone ? '' : `${local} ${own}`,
        collides.length === 0 ? '' : red(collides.join(', ')),
      ]),
      out.resultColumns,
    ),
  );
  if (rows.length < fires.length) out.result([dim(`and ${fires.length - rows.length} more`)]);
  if (preview.schedules.length > 0) out.results([[], ...firePlot(preview, timeZone)]);
  const together = fires.filter(({ collides }) => collides.length > 0).length;
  out.result(
    `${plural(fires.length, 'time')} in ${plural(days, 'day')}; ${together === 0 ? 'none fall together' : `${together} fall together with another schedule`}`,
  );
  return ExitCode.done;
}

function assertTimeZone(name: string): void {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: name });
  } catch {
    throw new UsageError(`"${name}" is no time zone such as Europe/Madrid`);
  }
}
