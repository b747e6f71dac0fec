import { spanText } from '../../policy/span-text.js';

/** What is said of a session that is past its deadline. @param sleptMs for how long its host slept meanwhile */
export const longerThanTimeout = (sleptMs: number): string =>
  sleptMs > 0
    ? `longer than its timeout, not counting ${spanText(sleptMs)} in which its host slept,`
    : 'longer than its timeout';
