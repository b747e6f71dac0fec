/** A job that stops unfinished: how its Workflow tells its batch, and how the batch reads it. */
import { ApplicationFailure, type ChildWorkflowFailure } from '@temporalio/common';
import type { JobOutcome } from '../contract/job-outcome.js';
import { FAILURE, type Spent, type Trouble } from '../contract/messages.js';

const TYPE_OF = { parked: FAILURE.jobParked, held: FAILURE.jobHeld, gated: FAILURE.jobGated } as const;
const TYPES = new Set<string | null | undefined>(Object.values(TYPE_OF));
export type StoppedState = keyof typeof TYPE_OF;

export function jobFailure(
  state: StoppedState,
  { errorClass, message, decided, ofDestination }: Trouble,
  spent: Spent,
): ApplicationFailure {
  const trouble = {
    errorClass,
    message,
    ...(decided && { decided }),
    ...(ofDestination && { ofDestination }),
  };
  const outcome: JobOutcome = { state, trouble, ...spent };
  return ApplicationFailure.nonRetryable(`${errorClass}: ${message}`, TYPE_OF[state], outcome);
}

/** What failed otherwise than by `jobFailure` is a bug. */
export function outcomeOf(failure: ChildWorkflowFailure): JobOutcome {
  const { cause } = failure;
  if (cause instanceof ApplicationFailure && TYPES.has(cause.type) && cause.details?.[0])
    return cause.details[0] as JobOutcome;
  return { state: 'parked', trouble: { errorClass: 'bug', message: cause?.message ?? failure.message } };
}
