import {
  AdapterError,
  InvalidBatch,
  NotNow,
  NothingToDo,
  UsageError,
  formatProblem,
} from '../contract/errors.js';
import { PlanChanged } from '../contract/plan-file.js';
import { isConnectionError, systemCode } from '../contract/thrown.js';
import { fileErrorWords } from '../file-errors.js';
import { plural } from '../report/format.js';
import { ExitCode } from './exit-codes.js';

/** What an error means to the operator: what happened, to what, why, and what to do next. */
export interface Failure {
  readonly code: ExitCode;
  /** May have several lines; not yet made safe for a terminal. Empty when it was told already. */
  readonly text: string;
}

/**
 * The one document of `--json` where a command fails: what stderr says, for programs.
 * `kind` is the name of the exit code; `class`, `problems` and `changes` are there where the error knows them.
 */
export function failureDocument(error: unknown): object {
  if (error instanceof NothingToDo) return { nothingToDo: error.message };
  const { code, text } = failureOf(error);
  const kind = Object.entries(ExitCode).find(([, exit]) => exit === code)?.[0] ?? 'unexpected';
  const message = text === '' && error instanceof Error ? error.message.replace(/^error: /, '') : text;
  return {
    error: {
      kind,
      exit: code,
      message,
      ...(error instanceof AdapterError && { class: error.errorClass }),
      ...(error instanceof InvalidBatch && {
        problems: error.problems.map(({ mayPass: _, ...rest }) => rest),
      }),
      ...(error instanceof PlanChanged && { changes: error.changes }),
    },
  };
}

/** The one place that turns errors into exit codes and texts. Knows errors of heavy modules by name, to load none. */
export function failureOf(error: unknown): Failure {
  if (error instanceof InvalidBatch) return { code: ExitCode.configuration, text: invalidText(error) };
  if (error instanceof NothingToDo) return { code: ExitCode.done, text: error.message };
  if (error instanceof UsageError) return { code: ExitCode.usage, text: error.message };
  if (error instanceof NotNow) return { code: ExitCode.tryAgainLater, text: error.message };
  if (error instanceof AdapterError) return adapterFailure(error);
  if (!(error instanceof Error)) return unexpected(String(error));
  const { name, message } = error;
  const code = systemCode(error) ?? '';

  if (error instanceof PlanChanged) return { code: ExitCode.incomplete, text: changedText(error) };
  if (name === 'CommanderError') return commanderFailure(error);
  if (name === 'WatchStopped') {
    return {
      code: ExitCode.interrupted,
      text: `${message}; what was asked for stays asked for, and the same command waits for its end again`,
    };
  }
  if (name === 'EngineUnavailable') return { code: ExitCode.engineUnavailable, text: message };
  if (isConnectionError(error)) {
    return {
      code: ExitCode.engineUnavailable,
      text: `the Temporal engine does not answer: ${message}\nNothing is lost; run "nightshift doctor", then the same command again.`,
    };
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return {
      code: ExitCode.tryAgainLater,
      text: `the ledger is in use by another process: ${message}\nNothing is lost; run the same command again.`,
    };
  }
  if (code.startsWith('SQLITE_')) {
    return {
      code: ExitCode.configuration,
      text: `the ledger can't be used: ${message}\nRun "nightshift doctor"; it names the file and looks into it.`,
    };
  }
  if (isFileSystemError(error)) return { code: ExitCode.configuration, text: fileSystemText(error) };
  return unexpected(message);
}

const invalidText = ({ problems }: InvalidBatch): string =>
  [
    `${plural(problems.length, 'problem')} found, nothing was started:`,
    ...problems.map((problem) => `  ${formatProblem(problem)}`),
  ].join('\n');

const changedText = ({ changes }: PlanChanged): string =>
  [
    `the plan does not hold any more, nothing was started; ${plural(changes.length, 'change')} since:`,
    ...changes.slice(0, CHANGES_MAX).map((change) => `  ${change}`),
    ...(changes.length > CHANGES_MAX ? [`  and ${changes.length - CHANGES_MAX} more`] : []),
    'look at it again and make a new plan: nightshift plan FILE --out NEWPLAN',
  ].join('\n');

/** More would not be read. */
const CHANGES_MAX = 50;

function adapterFailure({ errorClass, message }: AdapterError): Failure {
  switch (errorClass) {
    case 'auth':
    case 'config':
    case 'lost':
      return { code: ExitCode.configuration, text: message };
    case 'transient':
    case 'throttled':
    case 'exhausted':
      return { code: ExitCode.tryAgainLater, text: message };
    default:
      return unexpected(message);
  }
}

/** Commander has printed its own text. It ends help and version by an error too, whose exit code is 0. */
const commanderFailure = (error: Error): Failure => ({
  code: 'exitCode' in error && error.exitCode === 0 ? ExitCode.done : ExitCode.usage,
  text: '',
});

const unexpected = (message: string): Failure => ({
  code: ExitCode.unexpected,
  text:
    `unexpected: ${message}\nWhat was done is in the ledger, so the same command may be run again. ` +
    'NIGHTSHIFT_DEBUG=1 shows where it happened.',
});

const FILE_SYSTEM_CODES = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'ENOSPC',
  'EDQUOT',
]);
const isFileSystemError = (error: Error): error is NodeJS.ErrnoException =>
  'syscall' in error && error.syscall !== 'spawn' && FILE_SYSTEM_CODES.has(systemCode(error) ?? '');

/** A path that is not there was given wrongly; with all else that a place lacks, another one may do. */
function fileSystemText(error: NodeJS.ErrnoException): string {
  const { code, path, message } = error;
  const words = fileErrorWords(error);
  const what = path === undefined || words === undefined ? message : `${path}: ${words}`;
  const advice =
    code === 'ENOENT' || code === 'ENOTDIR'
      ? 'Look at that path'
      : 'Make that place usable, or choose another one (for the state directory: --state)';
  return `${what}\n${advice}; then run the same command again.`;
}
