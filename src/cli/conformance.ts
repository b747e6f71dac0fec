import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import type {
  ConformanceOptions,
  ConformanceReport,
  ConformanceSubject,
  Row,
} from '../testing/conformance/index.js';
import type {
  ProviderConformanceOptions,
  ProviderReport,
  ProviderRow,
  ProviderSubject,
} from '../testing/provider-conformance/index.js';
import { UsageError } from '../contract/errors.js';
import { plural } from '../report/format.js';
import type { Line, Span } from '../report/line.js';
import { safeText } from '../report/safe-text.js';
import { tableLines } from '../report/table.js';
import { ExitCode } from './exit-codes.js';
import type { Shell } from './shell.js';

export interface ConformanceFlags {
  readonly check?: readonly string[];
}

/** `nightshift conformance MODULE`: drives an adapter through crashes, lost answers and races, and shows what came of it. */
export async function conformance(
  file: string,
  { check }: ConformanceFlags,
  shell: Shell,
): Promise<ExitCode> {
  const { out, flags } = shell;
  const subject = await subjectIn(resolve(file));
  let seen = 0;
  const onRow = ({ ok, check: name, at, note }: Row | ProviderRow) => {
    out.live([[`${subject.name}: ${plural(++seen, 'cell')}, now ${name} ${at}`]]);
    if (!ok && !flags.json)
      out.result([{ style: 'red', text: 'failed' }, ` ${name}, ${at}: ${safeText(note)}`]);
  };
  const options = { ...(check && { only: check }), onRow };
  const report = await (isProvider(subject) ? provider(subject, options) : publisher(subject, options));
  out.endLive();
  if (flags.json) out.json(report);
  else out.results(reportLines(report, out.resultColumns));
  return report.failed === 0 && report.passed > 0 ? ExitCode.done : ExitCode.incomplete;
}

async function publisher(
  subject: ConformanceSubject,
  options: ConformanceOptions,
): Promise<ConformanceReport> {
  const { CHECKS, runConformance } = await import('../testing/conformance/index.js');
  mustBeKnown(options.only, CHECKS);
  return runConformance(subject, options);
}

async function provider(
  subject: ProviderSubject,
  options: ProviderConformanceOptions,
): Promise<ProviderReport> {
  const { PROVIDER_CHECKS, runProviderConformance } =
    await import('../testing/provider-conformance/index.js');
  mustBeKnown(options.only, PROVIDER_CHECKS);
  return runProviderConformance(subject, options);
}

function mustBeKnown(
  asked: readonly string[] | undefined,
  checks: readonly { readonly name: string }[],
): void {
  const names = checks.map(({ name }) => name);
  const unknown = asked?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`there is no check "${unknown}"; there are: ${names.join(', ')}`);
}

export function reportLines(report: ConformanceReport | ProviderReport, columns?: number): Line[] {
  const { rows, passed, failed, skipped } = report;
  const cells = rows.map((row): Span[] => [
    row.ok ? { style: 'green', text: 'ok' } : { style: 'red', text: 'failed' },
    row.check,
    row.at,
    ...('started' in row ? [row.started, row.open] : [row.visible, row.hidden]).map(String),
    row.ended,
    safeText(row.note),
  ]);
  const counts = 'provider' in report ? ['started', 'open'] : ['there', 'left over'];
  const what =
    'provider' in report
      ? `${report.provider}, find: ${report.find}`
      : `${report.publisher}, class ${report.class}`;
  return [
    ...tableLines(['', 'check', 'at', ...counts, 'ended', 'note'], cells, columns),
    [],
    [`${what}: ${passed} passed, ${failed} failed`],
    ...(skipped.length > 0 ? [[`not tried: ${skipped.join(', ')}`]] : []),
  ];
}

const isProvider = (subject: ConformanceSubject | ProviderSubject): subject is ProviderSubject =>
  'kind' in subject && subject.kind === 'provider';

async function subjectIn(path: string): Promise<ConformanceSubject | ProviderSubject> {
  await access(path); // a module that it lacks itself is another matter, and told by its name
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
  if (isSubject) return subject as ConformanceSubject | ProviderSubject;
  throw new UsageError(
    `${path} exports no \`conformance\` (an object with name and open()): the kit needs a destination or a service that it may use, ` +
      'and a way to count there; docs/guides/conformance.md shows one',
  );
}
