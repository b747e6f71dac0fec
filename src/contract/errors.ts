import type { Definition } from './batch-file.js';

/**
 * The error classes: the only vocabulary in which adapters, Activities and Workflows speak of failure.
 * `policy/retry.ts` says what each class leads to; `docs/reference/errors.md` says the same to operators.
 */
export const ERROR_CLASSES = [
  'transient',
  'throttled',
  'exhausted',
  'auth',
  'config',
  'invalid',
  'rejected',
  'budget',
  'unknown',
  'lost',
  'timeout',
  'conflict',
  'bug',
] as const;

export type ErrorClass = (typeof ERROR_CLASSES)[number];

/** What an adapter found out about an error beside its class. */
export interface ErrorFacts {
  /** Did the request leave this process? Decides whether an effect's outcome is known. */
  readonly sent?: 'no' | 'maybe' | 'rejected';
  /** The server's own hint, a lower bound, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Of `exhausted`: it does not come back by itself, such as an empty balance. `retryAfterMs` then says when to look again. */
  readonly needsPerson?: true;
  /** The service answered, and said that it is in trouble (5xx), whatever has become of the request. */
  readonly serverFault?: boolean;
  /** Short code of the destination or provider, such as `EACCES` or `429`. */
  readonly code?: string;
  /** It is what nightshift itself keeps that fails: no service, no destination and no job is to blame. */
  readonly ours?: 'ledger' | 'artifacts';
}

/**
 * The one error that adapters throw. Its text says what failed, where, and how to fix it; never a secret.
 * `activities/failure.ts` alone turns it into an ApplicationFailure.
 */
export class AdapterError extends Error {
  override readonly name = 'AdapterError';
  constructor(
    readonly errorClass: ErrorClass,
    message: string,
    readonly facts: ErrorFacts = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Trouble of our own ledger or artifacts. Adapters pass it on as it is, for it says nothing of their service. */
export const isOurs = (error: unknown): error is AdapterError =>
  error instanceof AdapterError && error.facts.ours !== undefined;

/** Whether the request may have been carried out, as far as its error tells. */
export const mayHaveArrived = ({ sent }: ErrorFacts): boolean => sent !== 'no' && sent !== 'rejected';

/** The same error where something may be there already: by an earlier step, or by another try. */
export const asMaybeSent = (error: AdapterError): AdapterError =>
  new AdapterError(error.errorClass, error.message, { ...error.facts, sent: 'maybe' }, { cause: error });

/** One thing wrong with what the operator wrote, at a place that an editor can open. */
export interface Problem {
  /** Path as the operator gave it. */
  readonly file: string;
  /** From 1; absent where the whole file is meant. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number | undefined;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** What would be right. */
  readonly hint?: string;
  /** Nothing that anybody wrote is known to be wrong: it may be otherwise when it is read again. */
  readonly mayPass?: true;
}

/** `file:line:column: message (hint)`, the form that editors and terminals make clickable. */
export function formatProblem({ file, line, column, message, hint }: Problem): string {
  const place = [file, line, line === undefined ? undefined : column]
    .filter((part) => part !== undefined)
    .join(':');
  return `${place}: ${message}${hint === undefined ? '' : `\n    ${hint}`}`;
}

/** The operator's files cannot be run. Carries every problem found, not just the first. Exit code 78. */
export class InvalidBatch extends Error {
  override readonly name = 'InvalidBatch';
  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
  }

  /** Nobody has to mend anything, as far as is known. */
  get mayPass(): boolean {
    return this.problems.length > 0 && this.problems.every((problem) => problem.mayPass);
  }
}

/** The list of jobs could be read and has none: a file or a program that has nothing for tonight. Exit code 0. */
export class NothingToDo extends Error {
  override readonly name = 'NothingToDo';
  /** @param listing names the list, as the operator gave it */
  constructor(
    listing: string,
    readonly definition: Definition,
  ) {
    super(`nothing to do: ${listing} lists no jobs`);
  }
}

/**
 * Something that is put right, or passes, stands before the work: a pause, a closed lane, a spent budget. Nothing was
 * started. Exit code 75.
 */
export class NotNow extends Error {
  override readonly name = 'NotNow';
  /** @param undo words of the command that takes it away, where there is one */
  constructor(
    message: string,
    readonly undo?: readonly string[],
  ) {
    super(message);
  }
}

/** Wrong words on the command line, or a name that nothing has. Exit code 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
