import { AdapterError, type ErrorClass, type ErrorFacts } from '../../../contract/errors.js';
import { messageOf } from '../../../contract/thrown.js';
import { codeOf } from '../../http/request.js';
import { shownText } from '../http/said.js';
import { TransactionFailed } from './transaction.js';

interface Meaning {
  readonly errorClass: ErrorClass;
  readonly fix?: string;
}

const PASSING: Meaning = { errorClass: 'transient' };
const SIGN_IN: Meaning = { errorClass: 'auth', fix: 'check user and password in with.url' };
const SHAPE: Meaning = { errorClass: 'config', fix: 'check table and columns in the batch file' };
const VALUE: Meaning = { errorClass: 'invalid', fix: 'the table does not take this value' };

/**
 * What SQLSTATE codes mean; five characters come before the two of their class.
 * Source: postgresql.org/docs, appendix A.
 */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  '08': PASSING,
  '22': VALUE,
  '23': VALUE,
  '25006': { errorClass: 'config', fix: 'this server is read-only; name the primary in with.url' },
  '28': SIGN_IN,
  '3D': { errorClass: 'config', fix: 'check the database in with.url' },
  '3F': SHAPE,
  '40': PASSING,
  '42': SHAPE,
  '42501': {
    errorClass: 'auth',
    fix: 'grant SELECT and INSERT (and UPDATE, DELETE where used) to this user',
  },
  '53': PASSING,
  '53100': { errorClass: 'exhausted', fix: 'the server’s disk is full' },
  '55': PASSING,
  '57': PASSING,
  '57014': { errorClass: 'transient', fix: 'the statement took too long; raise with.timeout if it must' },
  '58': PASSING,
};

/** Gives every error a class; those that have one keep it. Pure. */
export function postgresError(error: unknown, doing: string): AdapterError {
  if (error instanceof AdapterError) return error;
  if (error instanceof TransactionFailed) {
    if (error.cause instanceof AdapterError) return error.cause;
    return describe(error.cause, doing, error.stage);
  }
  return describe(error, doing, 'work');
}

/** The constraint that a unique violation names; undefined for other errors. */
export function violatedConstraint(error: unknown): string | undefined {
  const cause = error instanceof TransactionFailed ? error.cause : error;
  if (codeOf(cause) !== '23505') return undefined;
  const name = cause instanceof Error && 'constraint' in cause ? cause.constraint : undefined;
  return typeof name === 'string' ? shownText(name) : 'a unique constraint';
}

/** True where COMMIT left and nothing tells what became of it. */
export const isLostCommit = (error: unknown): boolean =>
  error instanceof TransactionFailed &&
  error.stage === 'commit' &&
  outcomeOf(error.cause, 'commit') === 'maybe';

function describe(cause: unknown, doing: string, stage: TransactionFailed['stage']): AdapterError {
  const code = codeOf(cause);
  const sent = outcomeOf(cause, stage);
  const { errorClass, fix } = meaningOf(cause, code);
  const said = shownText(messageOf(cause));
  const where = stage === 'commit' && sent === 'maybe' ? ' after COMMIT was sent' : '';
  return new AdapterError(
    sent === 'maybe' ? 'unknown' : errorClass,
    `${doing} failed${where} [use=postgres${code === undefined ? '' : `, code=${code}`}]: ${said}${fix === undefined ? '' : `; ${fix}`}`,
    {
      sent,
      // It has said itself that it goes down, or is broken.
      ...(sent === 'maybe' && isSqlState(code) && { serverFault: true }),
      ...(code !== undefined && { code }),
    },
    { cause },
  );
}

function meaningOf(cause: unknown, code: string | undefined): Meaning {
  const known = code === undefined ? undefined : (MEANINGS[code] ?? MEANINGS[code.slice(0, 2)]);
  if (known && isSqlState(code)) return known;
  if (cause instanceof Error && cause.name === 'AbortError') return PASSING;
  // `pg` has no codes for its own ends of a connection.
  const said = cause instanceof Error ? cause.message : '';
  if (/connection terminated|timeout|client has encountered a connection error/i.test(said)) return PASSING;
  return code !== undefined && SYSTEM_CODE.test(code) ? PASSING : { errorClass: 'bug' };
}

/** Whether the transaction may have taken effect. Before COMMIT it can't have: the server rolls it back. */
function outcomeOf(cause: unknown, stage: TransactionFailed['stage']): NonNullable<ErrorFacts['sent']> {
  const code = codeOf(cause);
  if (stage !== 'commit') return isSqlState(code) ? 'rejected' : 'no';
  // An answer to COMMIT that names a broken rule is a rollback; an end of the connection is no answer.
  return isSqlState(code) && !LOST.test(code) ? 'rejected' : 'maybe';
}

/** Connection exceptions, statement completion unknown, and a server that shuts down or crashes. */
const LOST = /^(08|40003|57P|58|XX)/;
const SYSTEM_CODE = /^(E[A-Z]+|EAI_[A-Z]+)$/;

const isSqlState = (code: string | undefined): code is string =>
  code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code);
