import { AdapterError, type ErrorClass } from '../../../contract/errors.js';

/** The system's short name of an error, such as `ENOENT`. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** A full disk is `exhausted`: it ends by itself or by a person, and no job is to blame. */
const CLASSES: Readonly<Record<string, ErrorClass>> = {
  EACCES: 'config',
  EPERM: 'config',
  EROFS: 'config',
  ENOTDIR: 'config',
  E2BIG: 'config',
  ENOSPC: 'exhausted',
  EDQUOT: 'exhausted',
  EAGAIN: 'transient',
  EMFILE: 'transient',
  ENFILE: 'transient',
  ENOMEM: 'transient',
  EIO: 'transient',
  EBUSY: 'transient',
  ESTALE: 'transient',
  ETIMEDOUT: 'transient',
};

/** Gives every error a class; those that have one keep it. */
export function asAdapterError(error: unknown, doing: string): AdapterError {
  if (error instanceof AdapterError) return error;
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const errorClass = (code === undefined ? undefined : CLASSES[code]) ?? 'bug';
  return new AdapterError(
    errorClass,
    `${doing} failed [use=command]: ${message}`,
    code === undefined ? {} : { code },
    {
      cause: error,
    },
  );
}
