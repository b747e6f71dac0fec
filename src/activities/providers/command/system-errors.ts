import { AdapterError, type ErrorClass } from '../../../contract/errors.js';
import type { ProviderVerb } from '../provider.js';

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

/** More would fill the ledger and no screen. */
const MESSAGE_CHARACTERS_MAX = 2000;

/**
 * Gives every error a class; those that have one keep it. Of a start that broke off by what is nobody's known error it
 * can't be told how far it had come: whoever comes next looks for the run.
 */
export function asAdapterError(error: unknown, during: ProviderVerb): AdapterError {
  try {
    if (error instanceof AdapterError) return error;
    const code = codeOf(error);
    const errorClass = (code === undefined ? undefined : CLASSES[code]) ?? 'bug';
    const said = error instanceof Error ? error.message : String(error);
    const unclear = during === 'start' && errorClass === 'bug';
    return new AdapterError(
      errorClass,
      `${during} failed [use=command]: ${said.slice(0, MESSAGE_CHARACTERS_MAX)}`,
      { ...(code !== undefined && { code }), ...(unclear && { sent: 'maybe' }) },
      { cause: error },
    );
  } catch {
    // What was thrown can't even be looked at.
    return new AdapterError('bug', `${during} failed [use=command]`, { sent: 'maybe' });
  }
}
