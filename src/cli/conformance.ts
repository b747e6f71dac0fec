import { resolve } from 'node:path';
import type { ConformanceReport, ConformanceSubject, Row } from '../testing/conformance/index.js';
import { UsageError } from '../contract/errors.js';
import { plural } from '../report/format.js';
import type { Line, Span } from '../report/line.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface ConformanceFlags {
  readonly check?: readonly string[];
}

/** `nightshift conformance MODULE`: drives a publisher through crashes, lost answers and races, and shows what came of it. */
export async function conformance(
  file: string,
  { check }: ConformanceFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const { CHECKS, runConformance } = await import('../testing/conformance/index.js');
  const names = CHECKS.map(({ name }) => name);
  const unknown = check?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`there is no check "${unknown}"; there are: ${names.join(', ')}`);
  const subject = await subjectIn(resolve(file));
  let seen = 0;
  const onRow = (row: Row) => {
    out.live([[`${subject.name}: ${plural(++seen, 'cell')}, now ${row.check} ${row.at}`]]);
    if (!row.ok && !flags.json)
      out.result([{ style: 'red', text: 'failed' }, ` ${row.check}, ${row.at}: ${row.note}`]);
  };
  const report = await runConformance(subject, { ...(check && { only: check }), onRow });
  out.endLive();
  if (flags.json) out.json(report);
  else out.results(reportLines(report, out.resultColumns));
  return report.failed === 0 && report.passed > 0 ? ExitCode.done : ExitCode.incomplete;
}

export function reportLines(
  { publisher, class: of, rows, passed, failed, skipped }: ConformanceReport,
  columns?: number,
): Line[] {
  const cells = rows.map(({ ok, check, at, visible, hidden, ended, note }): Span[] => [
    ok ? { style: 'green', text: 'ok' } : { style: 'red', text: 'failed' },
    check,
    at,
    String(visible),
    String(hidden),
    ended,
    note,
  ]);
  return [
    ...tableLines(['', 'check', 'at', 'there', 'left over', 'ended', 'note'], cells, columns),
    [],
    [`${publisher}, class ${of}: ${passed} passed, ${failed} failed`],
    ...(skipped.length > 0 ? [[`not tried: ${skipped.join(', ')}`]] : []),
  ];
}

async function subjectIn(path: string): Promise<ConformanceSubject> {
  const { importAdapterFile } = await import('../activities/load-adapter.js');
  const exported = await importAdapterFile(path);
  const subject = exported['conformance'];
  const isSubject =
    typeof subject === 'object' &&
    subject !== null &&
    'open' in subject &&
    typeof subject.open === 'function' &&
    'name' in subject &&
    typeof subject.name === 'string';
  if (isSubject) return subject as ConformanceSubject;
  throw new UsageError(
    `${path} exports no \`conformance\` (an object with name and open()): the kit needs a destination that it may fill, ` +
      'and a way to count there; docs/guides/conformance.md shows one',
  );
}
