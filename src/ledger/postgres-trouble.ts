import pg from 'pg';
import { AdapterError } from '../contract/errors.js';
import { systemCode } from '../contract/thrown.js';

/** The server could not be asked, or broke off before COMMIT: nothing was changed, and the same may be tried again. */
export class Unreached extends Error {
  override readonly name = 'Unreached';
  constructor(override readonly cause: unknown) {
    super(messageOf(cause));
  }
}

/** COMMIT left and its answer did not come: the transaction is done, or it is not. */
export class CommitUnanswered extends Error {
  override readonly name = 'CommitUnanswered';
  constructor(
    /** Number that the transaction wrote down for itself; undefined when it could not. */
    readonly write: number | undefined,
    override readonly cause: unknown,
  ) {
    super(messageOf(cause));
  }
}

/** Source: postgresql.org/docs/current/errcodes-appendix.html */
const PASSING = new Set([
  '25P03', // idle in transaction for too long: this process stood still
  '40001', // serialization failure
  '40P01', // deadlock, with somebody who writes past the ledger
  '55P03', // lock timeout
  '57014', // statement timeout, or cancelled by the administrator
  '57P01', // shutdown by the administrator
  '57P02', // another server process crashed
  '57P03', // starting up
  '57P05', // idle for too long
]);
/** Connection exceptions; insufficient resources: connections, memory, disk. */
const PASSING_CLASSES = ['08', '53'];

const REFUSED: Readonly<Record<string, 'auth' | 'config'>> = {
  '28000': 'auth',
  '28P01': 'auth',
  '3D000': 'config', // no such database
  '42501': 'config', // no right to do this
};

/** Marks trouble with the connection, or with others at work; what SQL says of a statement stays what it is. */
export function markUnreached(error: unknown): unknown {
  const code = systemCode(error) ?? '';
  if (error instanceof pg.DatabaseError) {
    return PASSING.has(code) || PASSING_CLASSES.includes(code.slice(0, 2)) ? new Unreached(error) : error;
  }
  const ours = error instanceof TypeError || error instanceof RangeError || error instanceof AdapterError;
  return ours || error instanceof Unreached ? error : new Unreached(error);
}

/** A standby can't begin a transaction that writes; after a fail-over the address leads to another server. */
export const markStandby = (error: unknown): unknown =>
  systemCode(error) === '0A000' ? new Unreached(error) : error;

/** What callers of the ledger get, when there is no more patience. */
export function toldOf(error: unknown, place: string): unknown {
  const cause = error instanceof Unreached || error instanceof CommitUnanswered ? error.cause : error;
  const code = systemCode(cause);
  const facts = { ours: 'ledger', ...(code !== undefined && { code }) } as const;
  if (cause !== error) {
    return new AdapterError(
      'transient',
      `the ledger's database does not answer [database=${place}]: ${messageOf(cause)}` +
        (error instanceof CommitUnanswered ? '; whether the last change was made is not known' : ''),
      facts,
      { cause },
    );
  }
  const refused = error instanceof pg.DatabaseError && code !== undefined ? REFUSED[code] : undefined;
  if (refused === undefined) return error;
  return new AdapterError(
    refused,
    `the ledger's database refuses [database=${place}]: ${messageOf(error)}`,
    facts,
    { cause: error },
  );
}

/** Where a host has several addresses, Node gives an error without a text. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? (systemCode(error) ?? error.name) : error.message;
}
