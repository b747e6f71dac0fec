import { AdapterError, type ErrorClass } from '../../../contract/errors.js';
import { messageOf, systemCode } from '../../../contract/thrown.js';
import type { ProviderVerb } from '../provider.js';

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
    const code = systemCode(error);
    const errorClass = (code === undefined ? undefined : CLASSES[code]) ?? 'bug';
    const said = messageOf(error);
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
