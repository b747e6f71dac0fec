import { DEFAULT_LEVEL, PAUSE_LEVELS, type PauseLevel } from '../contract/holds.js';

/** The strictest of some levels; undefined when none is on. */
export function strictest(...levels: readonly (PauseLevel | undefined)[]): PauseLevel | undefined {
  const rank = (level: PauseLevel | undefined) => (level === undefined ? -1 : PAUSE_LEVELS.indexOf(level));
  return levels.reduce((worst, level) => (rank(level) > rank(worst) ? level : worst), undefined);
}

/** What a pause means that says no level: never less than is on already. */
export const levelMeant = (asked: PauseLevel | undefined, on: PauseLevel | undefined): PauseLevel =>
  asked ?? strictest(on, DEFAULT_LEVEL) ?? DEFAULT_LEVEL;

/** Whether jobs under way wait at their next step, too. */
export const holdsJobs = (level: PauseLevel | undefined): boolean => level === 'finish' || level === 'freeze';

/**
 * Whether a new session or effect has to wait.
 * @param underWay a session of the job was begun, and what it made is not out yet
 */
export const holdsStep = (level: PauseLevel | undefined, underWay: boolean): boolean =>
  level === 'admit' ? !underWay : level !== undefined;
