import { AdapterError } from '../contract/errors.js';
import { messageOf, systemCode } from '../contract/thrown.js';
import { FAILS, NO_ROOM_LEFT, noRightTo, type DiskTrouble } from '../disk-trouble.js';

const NO_RIGHT = noRightTo('a folder');

/** Of all others nobody knows what would help: they are tried again. */
const MEANINGS: Readonly<Record<string, DiskTrouble>> = {
  ENOSPC: NO_ROOM_LEFT,
  EDQUOT: NO_ROOM_LEFT,
  EIO: FAILS,
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  EROFS: NO_RIGHT,
  ENOTDIR: NO_RIGHT,
};

/**
 * What callers of the store get.
 * @param what could not be done, and where
 */
export function toldOf(error: unknown, what: string): unknown {
  const code = systemCode(error);
  if (error instanceof AdapterError || !(error instanceof Error) || code === undefined) return error;
  const { errorClass = 'transient', fix } = MEANINGS[code] ?? {};
  const message = `${what}: ${messageOf(error)}${fix === undefined ? '' : `; ${fix}`}`;
  return new AdapterError(errorClass, message, { ours: 'artifacts', code }, { cause: error });
}
