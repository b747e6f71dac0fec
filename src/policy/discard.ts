import type { EffectState, JobState } from '../contract/states.js';
import type { ErrorClass } from '../contract/errors.js';

export interface StandingJob {
  readonly state: JobState;
  /** What stopped it, if anything. */
  readonly errorClass: ErrorClass | undefined;
  readonly effects: readonly {
    readonly key: string;
    readonly name: string;
    readonly state: EffectState;
    readonly errorClass: ErrorClass | undefined;
  }[];
}

/**
 * Why a person can't decide now that a job will not be done, and what to do first; undefined where they can. A job that
 * was discarded is looked at by nobody any more: so nothing of it may be under way, or without a known outcome.
 * @param job  undefined for one that was never begun
 */
export function whyNotDiscard(job: StandingJob | undefined): string | undefined {
  switch (job?.state) {
    case 'parked':
    case 'held':
    case 'cancelled':
      return effectInTheWay(job);
    case 'done':
    case 'adopted':
      return 'it is done; "nightshift unpublish" takes back what has landed';
    case 'running':
      return 'it is under way: wait for its end, or end its batch first with "nightshift cancel"';
    case 'gated':
      // Without an error it waits for a person, in a run of its own; else that run has ended.
      if (job.errorClass !== undefined) return effectInTheWay(job);
      return 'it waits for a yes or for a service: answer with "nightshift reject", or end its batch first with "nightshift cancel"';
    case 'waiting':
    case undefined:
      return 'it waits for its turn: take it out of the list of jobs, or end its batch first with "nightshift cancel"';
  }
}

function effectInTheWay({ effects }: StandingJob): string | undefined {
  for (const { name, state, errorClass } of effects) {
    if (state === 'unknown' || (state === 'held' && errorClass === 'unknown')) {
      return (
        `nobody knows whether "${name}" has landed: look there, then say so; ` +
        `"nightshift approve" shows how to`
      );
    }
    if (state === 'attempting')
      return `"${name}" is on its way: start its batch again, which finds out how it ended`;
  }
  return undefined;
}
