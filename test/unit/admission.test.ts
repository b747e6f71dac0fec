// Which end of a job keeps the batch from beginning others.
import { ChildWorkflowFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { ERROR_CLASSES, type ErrorClass } from '../../src/contract/errors.js';
import type { Trouble } from '../../src/contract/messages.js';
import { stopsAdmission } from '../../src/policy/admission.js';
import { jobFailure, outcomeOf } from '../../src/workflows/job-failure.js';

/** What the batch makes of a gated job, by way of the failure that its Workflow ends with. */
const stops = (trouble: Trouble): boolean => {
  const failure = new ChildWorkflowFailure(
    'default',
    { workflowId: 'job', runId: 'run' },
    'job',
    'NON_RETRYABLE_FAILURE',
    jobFailure('gated', trouble, {}),
  );
  const outcome = outcomeOf(failure);
  return stopsAdmission(outcome) !== undefined;
};
const trouble = (errorClass: ErrorClass): Trouble => ({ errorClass, message: 'no' });

test('one destination that is down does not hold the jobs of others; what hits all alike does', () => {
  const ofDestination = ERROR_CLASSES.filter((name) => stops({ ...trouble(name), ofDestination: true }));
  expect(ofDestination).toEqual(ERROR_CLASSES.filter((name) => /^(exhausted|auth|config)$/.test(name)));
});

test('the agent is that of all jobs; what an older release says is taken for it', () => {
  for (const errorClass of ERROR_CLASSES) expect(stops(trouble(errorClass)), errorClass).toBe(true);
});
