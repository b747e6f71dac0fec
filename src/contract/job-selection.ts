import type { ErrorClass } from './errors.js';

/** Which stopped jobs of a batch a person means: those that every part given here fits. */
export interface JobSelection {
  /** Job keys. A held job is meant only where its key is given. */
  readonly keys?: readonly string[];
  /** Stopped by an error of one of these classes. */
  readonly errors?: readonly ErrorClass[];
  /** So many and no more, the first in the order of the batch. */
  readonly first?: number;
}

/** As a request keeps it, which may be carried out long after it was made, or once more where its run was reset. */
export interface RequestedJobs extends JobSelection {
  /** Sequence number of the ledger's history: a job that has moved since is not meant. Absent: whenever that was. */
  readonly asOf?: number;
  /** Of a request as of then: it means jobs that were discarded by then. Else none that somebody has discarded since. */
  readonly alsoDiscarded?: boolean;
}

/** As people say it: `timeout, the first 5`; undefined where everything is meant. */
export function selectionText({ keys, errors, first }: JobSelection): string | undefined {
  const parts = [
    keys && (keys.length === 1 ? '1 job named' : `${keys.length} jobs named`),
    errors && errors.join(' or '),
    first !== undefined && `the first ${first}`,
  ];
  return parts.filter((part) => typeof part === 'string').join(', ') || undefined;
}
