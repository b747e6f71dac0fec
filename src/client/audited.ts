import { AdapterError, UsageError } from '../contract/errors.js';
import { messageOf } from '../contract/thrown.js';
import type { Ledger, NewRequest, RequestKind, RequestOutcome } from '../ledger/ledger.js';
import type { Connections } from './connections.js';

/** What came of a request, once that is known. */
export interface Outcome extends Pick<NewRequest, 'runId' | 'jobKeys' | 'reason'> {
  readonly outcome: RequestOutcome;
}

/** The reason of a request that is about something which has no column of its own: a scope, a lane, a schedule. */
export const reasonAbout = (subject: string, reason: string | undefined): string =>
  reason === undefined ? subject : `${subject}: ${reason}`;

/**
 * Does what somebody asked for, and notes in the ledger who it was and what came of it; a request that was refused or
 * failed is noted too, with the reason.
 */
export async function audited<T>(
  ledger: Pick<Ledger, 'recordRequest'>,
  request: Omit<NewRequest, 'outcome' | 'jobKeys'>,
  act: () => Promise<T>,
  outcomeOf: (result: T) => Outcome,
): Promise<T> {
  let result: T;
  try {
    result = await act();
  } catch (error) {
    await ledger.recordRequest({ ...request, ...failureOf(error, request.reason) });
    throw error;
  }
  await ledger.recordRequest({ ...request, ...outcomeOf(result) });
  return result;
}

/** The same for a request of the operator about something which has no column of its own. */
export async function auditedAbout<T>(
  what: RequestKind,
  subject: string,
  connections: Connections,
  reason: string | undefined,
  act: () => Promise<T>,
  outcomeOf: (result: T) => Outcome = () => ({ outcome: 'done' }),
): Promise<T> {
  const request = { by: connections.who, what, reason: reasonAbout(subject, reason) };
  return audited(await connections.ledger(), request, act, outcomeOf);
}

function failureOf(error: unknown, asked: string | undefined): Pick<NewRequest, 'outcome' | 'reason'> {
  const [message = ''] = messageOf(error).split('\n'); // what follows is a list, for whoever asked
  return { outcome: kindOf(error), reason: asked === undefined ? message : `${asked}: ${message}` };
}

function kindOf(error: unknown): RequestOutcome {
  if (error instanceof UsageError) return 'refused';
  return error instanceof AdapterError && error.errorClass === 'conflict' ? 'conflict' : 'failed';
}
