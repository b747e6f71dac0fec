import type { ClosedService } from './closed-service.js';

/** What jobs of a batch wait for, each thing once. */
export type WaitsFor = ({ readonly kind: 'service' } & ClosedService) | UsedUpBudget | FullDisk;

/** Nothing can be written where the state is kept. */
export interface FullDisk {
  readonly kind: 'room';
  /** The folder whose disk is full. */
  readonly dir: string;
}

/** With less, neither the ledger nor the embedded engine may be able to write down what has been done. */
export const FULL_MIB = 1;

export const fullText = (dir: string): string =>
  `less than ${FULL_MIB} MiB is free in ${dir}; free some, and jobs go on by themselves`;

/** A budget of a day, a site or the batch: no new session until its next day, or until it is raised. */
export interface UsedUpBudget {
  readonly kind: 'budget';
  /** Which of them, for how long, and what was spent; names times in UTC. */
  readonly why: string;
  /** Jobs that were told so. */
  readonly jobs: number;
}
