import type { JobReport } from '../contract/result.js';

/**
 * Whether a job is held because nobody knows what a session of it has done: of its effects none is in doubt, and what
 * stops at one begins with its name.
 */
export const isHeldForSession = ({
  state,
  error,
  effects,
}: Pick<JobReport, 'state' | 'error' | 'effects'>): boolean =>
  state === 'held' &&
  error?.class === 'unknown' &&
  !effects.some(
    (effect) =>
      effect.state === 'unknown' || effect.state === 'held' || error.message.startsWith(`${effect.name}: `),
  );
