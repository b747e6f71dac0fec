import type { AdapterError } from '../contract/errors.js';

/**
 * Whether what a service said to a look-up would meet every job of a batch, and does not pass by itself: credentials
 * that are refused, a mistake in the batch file, a host that does not exist. One that is down, slow or busy refuses
 * nobody: it may be back by the time it is needed, and jobs wait for it.
 * @returns the class that it stops a batch with; undefined: go on
 */
export function refusesAll({
  errorClass,
  facts,
}: Pick<AdapterError, 'errorClass' | 'facts'>): 'auth' | 'config' | undefined {
  if (errorClass === 'auth' || errorClass === 'config') return errorClass;
  return facts.code === NO_SUCH_HOST ? 'config' : undefined;
}

/** Said by the name service itself; one that can't be asked says EAI_AGAIN. */
const NO_SUCH_HOST = 'ENOTFOUND';
