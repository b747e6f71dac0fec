import { AdapterError, type ErrorClass, type ErrorFacts } from '../../../contract/errors.js';
import { messageOf, systemCode } from '../../../contract/thrown.js';

interface Meaning {
  readonly errorClass: ErrorClass;
  readonly fix?: string;
}

const DENIED: Meaning = {
  errorClass: 'config',
  fix: 'the worker may not write there; change its owner or mode',
};
/** Not `transient`, which would use up the tries of every job; the batch stops admitting until there is room. */
const FULL: Meaning = { errorClass: 'exhausted', fix: 'there is no room left; make some and start again' };
const PASSING: Meaning = { errorClass: 'transient' };

const MEANINGS: Readonly<Record<string, Meaning>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: DENIED,
  ENOSPC: FULL,
  EDQUOT: FULL,
  ENAMETOOLONG: { errorClass: 'invalid', fix: 'shorten with.path' },
  EILSEQ: { errorClass: 'invalid', fix: 'the file system does not take this name' },
  EINVAL: { errorClass: 'invalid', fix: 'the file system does not take this name' },
  ENOTDIR: { errorClass: 'invalid', fix: 'a file stands where a folder should be' },
  EISDIR: { errorClass: 'invalid', fix: 'a folder stands where a file should be' },
  ELOOP: { errorClass: 'invalid', fix: 'a link stands in the way' },
  EAGAIN: PASSING,
  EBUSY: PASSING,
  EIO: PASSING,
  EMFILE: PASSING,
  ENFILE: PASSING,
  ENOMEM: PASSING,
  ESTALE: PASSING,
  ETIMEDOUT: PASSING,
};

/** Gives every error a class; those that have one keep it. */
export function asAdapterError(error: unknown, doing: string, sent?: ErrorFacts['sent']): AdapterError {
  if (error instanceof AdapterError) return error;
  const code = systemCode(error);
  const { errorClass, fix }: Meaning = (code === undefined ? undefined : MEANINGS[code]) ?? {
    errorClass: 'bug',
  };
  const said = messageOf(error);
  return new AdapterError(
    errorClass,
    `${doing} failed [use=folder]: ${said}${fix === undefined ? '' : `; ${fix}`}`,
    { ...(code !== undefined && { code }), ...(sent !== undefined && { sent }) },
    { cause: error },
  );
}
