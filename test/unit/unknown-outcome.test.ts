// A request got no answer and the destination shows nothing of it: when another one may leave.
import { expect, test } from 'vitest';
import { afterSilence, type Silence } from '../../src/policy/unknown-outcome.js';

const SENT = '2026-03-01T02:00:00.000Z';
const after = (hours: number): Date => new Date(Date.parse(SENT) + hours * 3_600_000);
const DAY = 24 * 3_600_000;

const silence = (facts: Partial<Silence['facts']>, rest: Partial<Omit<Silence, 'facts'>> = {}): Silence => ({
  facts: { name: 'there', lookup: 'none', ...facts },
  sameRequest: true,
  firstSentAt: SENT,
  now: after(1),
  onUnknown: 'hold',
  ...rest,
});

test.each<[string, Silence, string]>([
  ['a look-up that proves absence', silence({ lookup: 'exact' }), 'send'],
  [
    'a look-up at the place of other options',
    silence({ lookup: 'exact', looksByPlace: true }, { sameRequest: false }),
    'hold',
  ],
  ['a look-up at the same place', silence({ lookup: 'exact', looksByPlace: true }), 'send'],
  ['neither look-up nor key', silence({}), 'hold'],
  ['a list that may have gaps', silence({ lookup: 'scan' }), 'hold'],
  ['a key still remembered', silence({ keyWindowMs: DAY }), 'send'],
  [
    'a key still remembered, but another request',
    silence({ keyWindowMs: DAY }, { sameRequest: false }),
    'hold',
  ],
  ['a key forgotten', silence({ keyWindowMs: DAY }, { now: after(24) }), 'hold'],
  [
    'a key forgotten, and a list that may have gaps',
    silence({ lookup: 'scan', keyWindowMs: DAY }, { now: after(25) }),
    'hold',
  ],
  [
    'a key, and no record of when it was sent',
    silence({ keyWindowMs: DAY }, { firstSentAt: undefined }),
    'hold',
  ],
  [
    'a key sent in the future, by a clock that was wrong',
    silence({ keyWindowMs: DAY }, { now: after(-1) }),
    'hold',
  ],
  ['the operator accepts twins', silence({}, { onUnknown: 'resend' }), 'send'],
  ['the operator accepts a gap', silence({}, { onUnknown: 'assume-sent' }), 'assume'],
])('%s', (_, given, kind) => {
  expect(afterSilence(given).kind).toBe(kind);
});

test('whoever has to decide is told when it was sent and why nobody else can tell', () => {
  expect(afterSilence(silence({ keyWindowMs: DAY }, { now: after(25) }))).toEqual({
    kind: 'hold',
    why: `a request was sent at ${SENT} and got no answer; there has forgotten its key since, and can’t be asked`,
  });
});
