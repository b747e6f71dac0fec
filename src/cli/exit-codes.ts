import type { JobReport, RunReport } from '../contract/result.js';
import type { BatchState } from '../contract/states.js';
import { isGatedForNow } from '../policy/back-at.js';

/** What the process tells its caller. Numbers from 64 on have the meaning of sysexits.h. */
export const ExitCode = {
  done: 0,
  unexpected: 1,
  /** Parked or held jobs, or effects that wait for a person; for `plan`: there is something to do. */
  incomplete: 2,
  usage: 64,
  engineUnavailable: 69,
  tryAgainLater: 75,
  configuration: 78,
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** How a watched batch ended. Trouble that a person must put right goes before trouble that passes. */
export function exitCodeOf({ batch, jobs }: Pick<RunReport, 'batch' | 'jobs'>): ExitCode {
  switch (batch.result) {
    case 'completed':
    case 'already-completed':
      return ExitCode.done;
    case 'paused':
      return ExitCode.tryAgainLater;
    case 'waiting':
    case 'cancelled':
      return ExitCode.incomplete;
    case 'incomplete':
      return exitCodeOfJobs(jobs);
  }
}

/** How a batch stands that nobody waits for. One that is under way is as it should be. */
export function exitCodeOfState(state: BatchState, jobs: readonly JobReport[]): ExitCode {
  switch (state) {
    case 'running':
    case 'completed':
      return ExitCode.done;
    case 'paused':
      return ExitCode.tryAgainLater;
    case 'cancelled':
      return ExitCode.incomplete;
    case 'incomplete':
      return exitCodeOfJobs(jobs);
  }
}

function exitCodeOfJobs(jobs: readonly JobReport[]): ExitCode {
  const gatedBy = new Set(jobs.filter(({ state }) => state === 'gated').map(({ error }) => error?.class));
  if (gatedBy.has('auth') || gatedBy.has('config')) return ExitCode.configuration;
  return jobs.some(isGatedForNow) ? ExitCode.tryAgainLater : ExitCode.incomplete;
}
