import type { Unapproved } from '../../contract/approval.js';
import type { ErrorClass } from '../../contract/errors.js';

/** Each error class as a person would say it. */
export const CAUSE_WORDS: Readonly<Record<ErrorClass, string>> = {
  transient: 'A service did not answer, or answered with an error of its own',
  throttled: 'A service asked to slow down',
  exhausted: 'A quota or a spending limit was used up',
  auth: 'Credentials were refused',
  config: 'Something is not set up as it should be',
  invalid: 'A service or a program refused what it was given',
  rejected: 'The agent failed, or what it made did not pass',
  budget: 'The money set aside was not enough',
  unknown: 'A request was sent and no answer came',
  lost: 'A session was lost',
  timeout: 'It took too long',
  conflict: 'A job is not what it was when it was done before',
  bug: 'Something nobody expected',
};

/** The same for what did not fail. */
export const UNAPPROVED_WORDS: Readonly<Record<Unapproved, string>> = {
  rejected: 'A person said no',
  unanswered: 'Nobody answered in time',
};
