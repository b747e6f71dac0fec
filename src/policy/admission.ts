import type { JobOutcome } from '../contract/job-outcome.js';
import type { Trouble } from '../contract/messages.js';

/**
 * Trouble that would hit every other job in the same way: credentials, configuration, an exhausted quota. Jobs not
 * yet started would only burn attempts on it, so admission stops and they go on at the next start.
 */
export function stopsAdmission(outcome: JobOutcome): Trouble | undefined {
  return outcome.state === 'gated' ? outcome.trouble : undefined;
}

/** By a person, and so no failure: how it ended says nothing of how the others will. */
export const isDecided = (outcome: JobOutcome): boolean =>
  'trouble' in outcome && outcome.trouble.decided === true;
