import { AdapterError } from '../contract/errors.js';
import { messageOf, systemCode } from '../contract/thrown.js';
import { FAILS, NO_ROOM_LEFT, noRightTo, type DiskTrouble } from '../disk-trouble.js';

interface Meaning extends DiskTrouble {
  readonly what: string;
}

const LOCKED: Meaning = {
  errorClass: 'transient',
  what: 'is locked by another process',
  fix: 'it can be used as soon as that one lets go of it',
};
const DISK: Meaning = { ...FAILS, what: "can't be read or written" };
const NO_RIGHT: Meaning = { ...noRightTo('a file, in a folder'), what: "can't be used" };
const DAMAGED: Meaning = {
  errorClass: 'config',
  what: 'is damaged',
  fix: 'restore a backup: nightshift ledger restore',
};

/** What SQL says of a statement is not here: that is a bug of ours. Source: sqlite.org/rescode.html */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  SQLITE_BUSY: LOCKED,
  SQLITE_LOCKED: LOCKED,
  SQLITE_PROTOCOL: LOCKED,
  SQLITE_FULL: { ...NO_ROOM_LEFT, what: "can't be written" },
  SQLITE_IOERR: DISK,
  SQLITE_NOMEM: DISK,
  SQLITE_READONLY: NO_RIGHT,
  SQLITE_CANTOPEN: NO_RIGHT,
  SQLITE_PERM: NO_RIGHT,
  SQLITE_CORRUPT: DAMAGED,
  SQLITE_NOTADB: DAMAGED,
};

/** What callers of the ledger get. */
export function toldOf(error: unknown, path: string): unknown {
  if (error instanceof AdapterError) return error;
  const code = systemCode(error);
  // Extended codes, such as SQLITE_IOERR_FSYNC, begin with the plain one.
  const meaning = MEANINGS[/^SQLITE_[A-Z]+/.exec(code ?? '')?.[0] ?? ''];
  if (code === undefined || meaning === undefined) return error;
  const { errorClass, what, fix } = meaning;
  const message = `the ledger ${what} [path=${path}]: ${messageOf(error)} (${code}); ${fix}`;
  return new AdapterError(errorClass, message, { ours: 'ledger', code }, { cause: error });
}
