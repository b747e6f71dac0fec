import { OPEN_SESSION, type JobState, type SessionState } from '../contract/states.js';

/** What the ledger knows of a session that was found at its service. */
export interface LedgerView {
  readonly state: SessionState;
  readonly jobState: JobState;
  /** A person has decided that its job will not be done: no question about it is left. */
  readonly discarded?: true;
}

/**
 * Whose is a session that still holds something at its service?
 *
 *  owned:    a job is at work on it, or goes on with it when its batch is started again
 *  held:     it is the evidence of a question that a person has not answered yet
 *  orphan:   what it made is stored, or its job has given it up: nobody will ever come back to it
 *  foreign:  this ledger has never heard of it; somebody else's may have
 */
export type Standing = 'owned' | 'held' | 'orphan' | 'foreign';

export function standingOf(known: LedgerView | undefined): Standing {
  if (known === undefined) return 'foreign';
  if (OPEN_SESSION.includes(known.state)) return 'owned';
  const isAsked = known.jobState === 'held' && known.state !== 'collected' && !known.discarded;
  return isAsked ? 'held' : 'orphan';
}
