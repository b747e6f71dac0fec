// What a person is told to do about jobs that did not finish.
import { expect, test } from 'vitest';
import type { JobReport } from '../../src/contract/result.js';
import { stoppedByArtifacts } from '../../src/policy/own-artifacts.js';
import { localTime } from '../../src/report/format.js';
import { nextSteps, stepAfterAnswer, stepsAfterPlan } from '../../src/report/next-steps.js';

const commands = {
  run: 'RUN',
  retry: 'RETRY',
  approve: 'APPROVE',
  resume: 'RESUME',
  cancel: 'CANCEL',
  receipts: 'RECEIPTS',
};
const steps = (jobs: readonly JobReport[], state: Parameters<typeof nextSteps>[1] = 'incomplete') =>
  nextSteps(jobs, state, commands);

const held = (message: string): JobReport => ({
  key: '0'.repeat(32),
  identity: { slug: 'one' },
  state: 'held',
  effects: [{ name: 'post', target: './public', state: 'held' }],
  error: { class: 'conflict', message },
});

test('contents that changed need a higher revision', () => {
  const raise = ['for a conflict, raise "revision" of that job or restore what it was, then: RUN'];
  expect(
    steps([held('the ledger has revision 1 with fingerprint a, this batch has revision 1 with b')]),
  ).toEqual(raise);
  const there =
    'post: /p/one.md was made from fingerprint a, the batch asks for b; raise revision to publish';
  expect(steps([held(there)])).toEqual(raise);
});

test('what our artifacts stop waits for them, and for no service and no batch file', () => {
  for (const errorClass of ['transient', 'config'] as const) {
    const error = { class: errorClass, message: stoppedByArtifacts("the artifact can't be stored") };
    expect(steps([{ ...held(''), state: 'gated', error }])).toEqual([
      'when artifacts can be stored and read again: RUN',
    ]);
  }
});

test('a file that was changed is read by no run that stands still: it is ended first', () => {
  const parked: JobReport = { ...held('too short'), state: 'parked' };
  expect(steps([parked])[0]).toContain('(where you changed a file, first: RUN, which reads it)');
  expect(steps([parked], 'paused')).toEqual([
    expect.stringContaining('RETRY (where you changed a file, first: CANCEL, then RUN, which reads it)'),
    'go on: RESUME',
  ]);
});

test('a place that another job, or somebody else, has taken needs another place: no revision frees it', () => {
  const [step, ...others] = steps([held('post: /p/one.md: belongs to another effect (3f1c)')]);
  expect(others).toEqual([]);
  expect(step).toMatch(/give that job another one \(path, slug, key\) or clear the place, then: RUN/);
  expect(step).not.toContain('revision');
});

test('what a plan did not allow needs another plan, or none', () => {
  for (const message of [
    'left out by the plan of this run: post',
    'post: the plan of 2026-11-28T00:00:00.000Z says create, and this would be update; nothing was sent. Make a new plan',
  ]) {
    expect(steps([held(message)])).toEqual([
      'for what the plan did not allow, make a new plan, or without one: RUN',
    ]);
  }
});

test('a quota that names its time, and a service that does, are told with it; without one, without', () => {
  const gated = (errorClass: 'exhausted' | 'transient', message: string): JobReport => ({
    ...held(''),
    state: 'gated',
    error: { class: errorClass, message },
  });
  const back = (iso: string) => `answered 429 (back at ${iso}, later than patience lasts)`;
  const [first, last] = ['2026-12-01T00:00:00.000Z', '2026-12-01T08:00:00.000Z'];
  expect(steps([gated('exhausted', back(last)), gated('exhausted', back(first))])).toEqual([
    `when the quota is back, ${localTime(last)}: RUN`,
  ]);
  expect(steps([gated('transient', back(first))])).toEqual([
    `when the service takes requests again, ${localTime(first)}: RUN`,
  ]);
  expect(steps([gated('exhausted', 'answered 429')])).toEqual(['when the quota is back: RUN']);
});

test('of several kinds of conflict each is told once', () => {
  const jobs = [held('the ledger has revision 1'), held('post: a: taken'), held('post: b: taken')];
  expect(steps(jobs)).toHaveLength(2);
});

test('who has to approve is told how; that a start carries it out, when nothing waits any more', () => {
  const { error: _, ...job } = held('');
  const waiting: JobReport = { ...job, state: 'gated' };
  const approve = ['say yes or no to what waits for approval: APPROVE'];
  const run = ['what was approved leaves with: RUN'];
  expect(steps([waiting], 'waiting')).toEqual(approve);
  expect(nextSteps([waiting], 'running', commands, 2)).toEqual(approve);
  expect(nextSteps([waiting], 'running', commands, 0), 'all were answered').toEqual(run);
  expect(steps([], 'waiting')).toEqual(run);
});

test.each([
  ['all that is left waits for approval', { toRun: 2, waiting: 2, parked: 0 }, ['APPROVE']],
  ['some of it does', { toRun: 3, waiting: 1, parked: 0 }, ['APPROVE', 'RUN']],
  ['nothing does', { toRun: 3, waiting: 0, parked: 0 }, ['RUN']],
  ['jobs are parked', { toRun: 0, waiting: 0, parked: 1 }, ['RETRY']],
  ['all is done', { toRun: 0, waiting: 0, parked: 0 }, []],
])('a plan leads to what helps where %s', (_, plan, expected) => {
  expect(stepsAfterPlan(plan, commands).map((step) => step.split(': ').at(-1))).toEqual(expected);
});

test('an answer leads to the next question, then to the run, or to the worker that goes on by itself', () => {
  const after = (of: Parameters<typeof stepAfterAnswer>[0]) =>
    stepAfterAnswer(of, { ...commands, watch: 'WATCH' });
  expect(after({ asks: 1, goesOn: true })).toBe('1 more waits for an answer: APPROVE');
  expect(after({ asks: 0, goesOn: true })).toBe('a worker goes on with it: WATCH');
  expect(after({ asks: 0, goesOn: false })).toBe('the batch goes on with: RUN');
});

test('whoever has a session held is told to look at the service, then to ask for this very job', () => {
  const job: JobReport = {
    ...held('the start got no answer'),
    effects: [{ name: 'post', target: './public', state: 'pending' }],
    error: { class: 'unknown', message: 'the start got no answer' },
    heldForSession: true,
  };
  expect(steps([job])).toEqual([
    `look at the agent's service whether the run exists and what it did, then for each such job: RETRY --job ${job.key}`,
  ]);
  const { heldForSession: _, ...inDoubt } = job;
  const effect: JobReport = { ...inDoubt, effects: [{ name: 'post', target: './public', state: 'unknown' }] };
  expect(steps([effect])).toEqual(['say whether what got no answer has landed: APPROVE']);
});

test.each([
  ['auth', ['RETRY', 'RUN']],
  ['config', ['RUN', 'RETRY']],
  ['budget', ['RUN']],
] as const)(
  'what is mended after %s is gone on with by the command that reads it',
  (errorClass, expected) => {
    const job: JobReport = { ...held(''), state: 'gated', error: { class: errorClass, message: 'no' } };
    expect(steps([job]).map((step) => step.split(': ').at(-1))).toEqual(expected);
  },
);

test('a run that ended unfinished has a next step, also when nobody has to decide anything any more', () => {
  const again = ['start it again, which does what is left or says that nothing is: RUN'];
  expect(steps([])).toEqual(again); // the last question of it has been answered
  expect(steps([{ ...held(''), state: 'parked' }])).not.toEqual(expect.arrayContaining(again));
  expect(steps([], 'completed')).toEqual([]);
  expect(steps([], 'running')).toEqual([]);
});
