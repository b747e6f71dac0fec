// Whose a session is that still holds something at its service: decided by what the ledger knows, and nothing else.
import { expect, test } from 'vitest';
import { JOB_STATES, SESSION_STATES, type JobState, type SessionState } from '../../src/contract/states.js';
import { standingOf, type Standing } from '../../src/policy/orphan.js';

/** By the state of the session: while a person has a question about its job, and else. */
const STANDINGS: Readonly<Record<SessionState, readonly [whileHeld: Standing, else_: Standing]>> = {
  intent: ['owned', 'owned'],
  started: ['owned', 'owned'],
  collected: ['orphan', 'orphan'], // its artifact is stored: no answer needs the session
  failed: ['held', 'orphan'],
  lost: ['held', 'orphan'],
  cancelled: ['held', 'orphan'],
};

test.each(
  SESSION_STATES.flatMap((state) =>
    JOB_STATES.map((jobState): [SessionState, JobState] => [state, jobState]),
  ),
)('a session that is %s, of a job that is %s', (state, jobState) => {
  const [whileHeld, otherwise] = STANDINGS[state];
  expect(standingOf({ state, jobState })).toBe(jobState === 'held' ? whileHeld : otherwise);
});

test('of a discarded job no question is left, and its session is nobody’s', () => {
  expect(standingOf({ state: 'lost', jobState: 'held', discarded: true })).toBe('orphan');
});

test('a session that this ledger has never heard of is somebody else’s', () => {
  expect(standingOf(undefined)).toBe('foreign');
});
