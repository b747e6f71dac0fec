import type { ErrorClass } from '../contract/errors.js';
import type { JobOutcome } from '../contract/job-outcome.js';
import type { Trouble } from '../contract/messages.js';

/**
 * Trouble that would hit every other job in the same way: credentials, configuration, an exhausted quota. Jobs not
 * yet started would only burn attempts on it, so admission stops and they go on at the next start. A destination that is
 * down is none: jobs may have others, and those that have it find its lane closed before anything is paid for.
 */
export function stopsAdmission(outcome: JobOutcome): Trouble | undefined {
  if (outcome.state !== 'gated') return undefined;
  const { trouble } = outcome;
  return trouble.ofDestination === true && !HITS_ALL.has(trouble.errorClass) ? undefined : trouble;
}

const HITS_ALL: ReadonlySet<ErrorClass> = new Set(['auth', 'config', 'exhausted']);

/** By a person, and so no failure: how it ended says nothing of how the others will. */
export const isDecided = (outcome: JobOutcome): boolean =>
  'trouble' in outcome && outcome.trouble.decided === true;
