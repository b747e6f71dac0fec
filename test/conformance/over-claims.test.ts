// Publishers that are wrong on purpose, each in one way: the kit has to find them out, and for that very reason.
import { expect, test } from 'vitest';
import { runConformance } from '../../src/testing/conformance/index.js';
import { wrong } from './wrong/store.js';

test('careless', async () => {
  const subject = wrong('careless.ts', { TOKEN: 'planted-token' });
  const report = await runConformance(subject, { only: ['take-back', 'rehearsal', 'credentials'] });
  expect(
    report.rows.filter(({ ok }) => !ok).map(({ check, at, note }) => `${check}, ${at}: ${note}`),
  ).toEqual([
    'take back, twice, by two workers: twice: it is not there',
    'take back, what a person has edited: what a person had edited was taken away, or changed',
    'rehearsal, what is not: the destination is not as it was',
    'credentials, may not look: something was sent',
  ]);
});

test.each([
  ['forgets-its-own', /2 objects|absent|ended/, ['publish', 'race', 'crash']],
  ['overwrites', /somebody else’s object was touched|left beside/, ['name-taken']],
  ['blind-to-drafts', /left over|ended/, ['crash']],
  ['ignores-keys', /objects where one was asked for/, ['publish', 'crash', 'race']],
  ['says-it-landed', /a receipt, and nothing is there/, ['publish']],
])('%s', async (name, why, only) => {
  const report = await runConformance(wrong(`${name}.ts`), { only });
  const failed = report.rows.filter(({ ok }) => !ok);
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.map(({ note }) => note).join('\n')).toMatch(why);
});
