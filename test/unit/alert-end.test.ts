// How an alert ends whose cause a look has not found, rule by rule.
import { expect, test } from 'vitest';
import { endOf, type AlertEndFacts, type UnfoundAlert } from '../../src/policy/alert-end.js';

const OWN = 'batch:nightly:own';
const SEEN = '2026-11-24T02:00:00.000Z';
const [BEFORE, AFTER] = ['2026-11-24T01:00:00.000Z', '2026-11-24T03:00:00.000Z'];

type State = AlertEndFacts['looked']['state'];

const alert = (rule: UnfoundAlert['rule']): UnfoundAlert => ({ rule, batchId: OWN, lastSeen: SEEN });

const looked = (state: State, more: Partial<AlertEndFacts['looked']> = {}): AlertEndFacts['looked'] => ({
  id: 'batch:nightly:later',
  state,
  closedAt: state === 'running' || state === 'paused' ? undefined : AFTER,
  settled: false,
  ...more,
});

const facts = (more: Partial<AlertEndFacts> = {}): AlertEndFacts => ({
  looked: looked('completed'),
  own: 'incomplete',
  isMended: false,
  isElsewhere: false,
  ...more,
});

/** A look at its own batch. */
const own = (state: State, more: Partial<AlertEndFacts> = {}): AlertEndFacts =>
  facts({ looked: looked(state, { id: OWN }), own: state, ...more });

test.each(['missed', 'late', 'deadline', 'overdue'] as const)(
  '%s is ended by nothing that a batch does',
  (rule) => {
    for (const given of [facts(), own('completed'), own('cancelled'), facts({ isMended: true })])
      expect(endOf(alert(rule), given)).toBe(false);
  },
);

test.each(['auth', 'budget', 'stop-loss', 'incomplete', 'approval', 'parked'] as const)(
  '%s of a batch that was cancelled ends untold, whoever looks, and stays where another run has it',
  (rule) => {
    expect(endOf(alert(rule), own('cancelled'))).toBe('untold');
    expect(endOf(alert(rule), facts({ own: 'cancelled', isMended: true }))).toBe('untold');
    expect(endOf(alert(rule), facts({ own: 'cancelled', isElsewhere: true }))).toBe(false);
  },
);

test('what was mended is over while its run goes on, but not while another run has it', () => {
  expect(endOf(alert('auth'), own('running'))).toBe(false);
  expect(endOf(alert('auth'), own('running', { isMended: true }))).toBe(true);
  expect(endOf(alert('auth'), own('running', { isMended: true, isElsewhere: true }))).toBe(false);
});

test('the end of a run ends what it has not found, unless the cause was seen after it', () => {
  expect(endOf(alert('auth'), own('incomplete'))).toBe(true);
  expect(endOf(alert('auth'), facts())).toBe(true);
  expect(endOf(alert('auth'), facts({ looked: looked('incomplete') }))).toBe(true);
  expect(endOf(alert('auth'), facts({ looked: looked('completed', { closedAt: BEFORE }) }))).toBe(false);
  expect(endOf(alert('auth'), facts({ looked: looked('cancelled') }))).toBe(false);
});

test.each(['stop-loss', 'budget', 'auth', 'incomplete'] as const)(
  'the end of another run is not that of %s while a run under way has it',
  (rule) => {
    expect(endOf(alert(rule), facts({ own: 'paused', isElsewhere: true }))).toBe(false);
    expect(endOf(alert(rule), facts({ own: 'paused' }))).toBe(true);
  },
);

test('an alert about jobs waits for its own run, which may have them at work', () => {
  expect(endOf(alert('parked'), own('completed'))).toBe(true);
  expect(endOf(alert('parked'), facts())).toBe(true);
  for (const state of ['running', 'paused'] as const)
    expect(endOf(alert('parked'), facts({ own: state }))).toBe(false);
  expect(endOf(alert('parked'), facts({ own: undefined })), 'its batch is in no ledger').toBe(true);
});

test('a question is over by its answer, whatever runs end', () => {
  expect(endOf(alert('approval'), own('incomplete'))).toBe(false);
  expect(endOf(alert('approval'), own('running', { isMended: true }))).toBe(true);
});

test('an unfinished end is over when a run ends well; its own has said something else, or has nothing left', () => {
  expect(endOf(alert('incomplete'), facts())).toBe(true);
  expect(endOf(alert('incomplete'), facts({ looked: looked('incomplete') }))).toBe(false);
  expect(endOf(alert('incomplete'), own('incomplete'))).toBe('untold');
  const settled = looked('incomplete', { id: OWN, settled: true });
  expect(endOf(alert('incomplete'), facts({ looked: settled }))).toBe(true);
});
