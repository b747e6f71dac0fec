import type { JobOutcome } from '../contract/job-outcome.js';
import { isDecided } from './admission.js';

/** The jobs of a run that go first: they are to do well before others are begun. */
export interface Canary {
  /** So many are to do well; 0: none goes first. */
  readonly of: number;
  /** Keys of those that did. */
  readonly well: readonly string[];
  /** Keys of those under way of which nothing can be said yet. */
  readonly open: readonly string[];
}

/** One of which nothing has begun. */
export const canaryOf = (jobs = 0): Canary => ({ of: jobs, well: [], open: [] });

export const isOver = ({ of, well }: Canary): boolean => well.length >= of;

/** Whether one more job may begin. A job that neither did well nor failed, for it was found done or a
 * person has decided about it, makes room for another. */
export const admitsNext = (canary: Canary): boolean =>
  isOver(canary) || canary.well.length + canary.open.length < canary.of;

export const begun = (canary: Canary, key: string): Canary =>
  isOver(canary) ? canary : { ...canary, open: [...canary.open, key] };

/**
 * The job is done, or what was made for it has passed its checks and waits for a person: nobody may be there before
 * morning, and the agent has shown what it can do.
 */
export const didWell = (canary: Canary, key: string): Canary =>
  canary.open.includes(key)
    ? { ...canary, well: [...canary.well, key], open: without(canary.open, key) }
    : canary;

/**
 * How the canary stands after the end of a job. A failure ends it, and the next one begins with jobs not begun yet: those
 * still under way were begun with what is to be mended.
 * @returns with a failure: why nothing more may be begun before a person has looked
 */
export function afterEnd(
  canary: Canary,
  { key, title }: { readonly key: string; readonly title: string },
  outcome: JobOutcome,
): { readonly canary: Canary; readonly failure?: string } {
  if (isOver(canary)) return { canary };
  if (outcome.state === 'done') return { canary: didWell(canary, key) };
  const isOfIt = canary.open.includes(key) || canary.well.includes(key);
  if (isOfIt && !isDecided(outcome) && (outcome.state === 'parked' || outcome.state === 'held')) {
    const { errorClass, message } = outcome.trouble;
    return {
      canary: canaryOf(canary.of),
      failure: `the canary failed: ${title} was ${outcome.state}: ${errorClass}: ${message.split('\n', 1)[0]}`,
    };
  }
  return { canary: { ...canary, open: without(canary.open, key) } };
}

/** Why few jobs are under way while others wait. */
export const canaryText = (of: number): string =>
  `${of === 1 ? '1 job goes' : `${of} jobs go`} first as canary, the others when ${of === 1 ? 'it' : 'they'} did well`;

const without = (keys: readonly string[], key: string): string[] => keys.filter((each) => each !== key);
