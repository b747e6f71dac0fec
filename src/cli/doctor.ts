import { NothingToDo, UsageError } from '../contract/errors.js';
import type { Finding } from '../client/nightshift.js';
import { bold, type Line, type Style } from '../report/line.js';
import { ExitCode } from './exit-codes.js';
import type { NightsFlags } from './doctor-nights.js';
import type { Shell } from './shell.js';

interface Flags extends NightsFlags {
  readonly orphans?: true;
  readonly abandoned?: true;
  readonly end?: true;
  readonly reason?: string;
  readonly nightly?: true;
}

/** `nightshift doctor`: looks at everything a night depends on, and says how to put it right. */
export async function doctor(names: readonly string[], flags: Flags, shell: Shell): Promise<ExitCode> {
  if (flags.nightly === true) return (await import('./doctor-nights.js')).doctorNights(names, flags, shell);
  if (flags.within !== undefined || flags.longest !== undefined)
    throw new UsageError('--within and --longest go with --nightly');
  if (names.length > 1) throw new UsageError('give one batch file at a time');
  const [file] = names;
  const { end = false, reason } = flags;
  if (reason !== undefined && !end) throw new UsageError('--reason goes with --end');
  if (flags.orphans === true) return (await import('./orphans.js')).orphans(file, { end, reason }, shell);
  if (flags.abandoned === true) return (await import('./abandoned.js')).abandoned({ end, reason }, shell);
  if (end) throw new UsageError('--end goes with --orphans or --abandoned');
  const nightshift = await shell.nightshift();
  const read = file === undefined ? undefined : await nightshift.read(file).catch(nothingToDo);
  const findings = [
    ...(await nightshift.doctor(read instanceof NothingToDo ? undefined : read)),
    ...(read instanceof NothingToDo
      ? [{ subject: file ?? '', status: 'ok' as const, detail: read.message }]
      : []),
  ];
  if (shell.flags.json) shell.out.json({ findings });
  else shell.out.results(findings.flatMap(findingLines));
  return exitCodeOfFindings(findings);
}

function nothingToDo(error: unknown): NothingToDo {
  if (error instanceof NothingToDo) return error;
  throw error;
}

const STYLE_OF: Readonly<Record<Finding['status'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red' };

export function findingLines({ subject, status, detail, fix }: Finding): Line[] {
  const [first = '', ...others] = detail.split('\n');
  return [
    [{ style: STYLE_OF[status], text: status.padEnd(4) }, '  ', bold(subject), `: ${first}`],
    ...others.map((line): Line => [`      ${line}`]),
    ...(fix === undefined ? [] : [[`      fix: ${fix}`]]),
  ];
}

/** An engine that is only out of reach may be back later; everything else wants a change. */
export function exitCodeOfFindings(findings: readonly Finding[]): ExitCode {
  const failed = findings.filter(({ status }) => status === 'fail');
  if (failed.length === 0) return ExitCode.done;
  return failed.every(({ subject }) => subject === 'engine')
    ? ExitCode.engineUnavailable
    : ExitCode.configuration;
}
