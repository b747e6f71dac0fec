// What `schedule apply` shows of a schedule that differs: the words of the file, and no others.
import { expect, test } from 'vitest';
import { differencesOf } from '../../src/client/schedules/apply.js';
import { NIGHTLY } from './schedule-fixture.js';

const HOUR = 3_600_000;

test.each([
  [{ crons: ['15 3 * * *'] }, 'when: at 02:30 -> at 03:15'],
  [{ crons: ['0 6 * * 0,1', '0 14 * * 0,1'] }, 'when: at 02:30 -> at 06:00, 14:00 on sun, mon'],
  [{ crons: ['30 2 1 * *'] }, 'when: at 02:30 -> cron 30 2 1 * *'],
  [{ catchUpMs: 2 * HOUR }, 'catchUp: 4h -> 2h'],
  [{ staleMs: 1.5 * HOUR }, 'staleAfter: 4h -> 90m'],
  [{ paused: true }, 'paused: false -> true'],
  [
    { after: { schedule: 'digest', withinMs: HOUR, otherwise: 'skip' as const } },
    'after: none -> digest within 1h, otherwise skip',
  ],
])('%o', (change, said) => {
  expect(differencesOf(NIGHTLY, { ...NIGHTLY, ...change })).toEqual([said]);
});

test('a schedule that is as it was shows nothing', () => {
  expect(differencesOf(NIGHTLY, NIGHTLY)).toEqual([]);
});
