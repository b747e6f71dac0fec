// Publishers that are wrong on purpose, each in one way: the kit has to find them out, and for that very reason.
import { expect, test } from 'vitest';
import { runConformance, type Row } from '../../src/testing/conformance/index.js';
import { wrong } from './wrong/store.js';

const failures = (rows: readonly Row[]) =>
  rows.filter(({ ok }) => !ok).map(({ check, at, note }) => `${check}, ${at}: ${note}`);

test('careless', async () => {
  const subject = wrong('careless.ts', { TOKEN: 'planted-token' });
  const { rows } = await runConformance(subject, { only: ['take-back', 'rehearsal', 'credentials'] });
  expect(failures(rows)).toEqual([
    'take back, twice, by two workers: twice: it is not there',
    'take back, what a person has edited: what a person had edited was taken away, or changed',
    'rehearsal, what is not: the destination is not as it was',
    'credentials, may not look: something was sent',
  ]);
});

const NAMELESS = 'gave 000001 another name than asked for; it was taken away unseen';
const TOO_MANY = 'objects where one was asked for';

test.each([
  {
    name: 'forgets-its-own',
    only: ['big'],
    found: [
      `publish, body of 2 MB: 12 ${TOO_MANY}; it ended parked: post: the destination took it, ` +
        'but a look-up says absent (12 tries failed)',
    ],
  },
  {
    name: 'overwrites',
    only: ['name-taken'],
    found: ['name taken, by somebody else: somebody else’s object was touched'],
  },
  {
    name: 'blind-to-drafts',
    only: ['big'],
    found: [`publish, body of 2 MB: 1 left over, unseen; it ended held: post: blind-to-drafts ${NAMELESS}`],
  },
  {
    name: 'trusts-the-ledger',
    only: ['publish', 'crash'],
    found: ['E5', 'E8'].map((point) => `crash, ${point}, ledger lost: 1 left over, unseen`),
  },
  {
    name: 'ignores-keys',
    only: ['publish'],
    found: [1, 2, 3].map((time) => `publish, again, ledger lost (${time}): ${time + 1} ${TOO_MANY}`),
  },
  {
    name: 'says-it-landed',
    only: ['publish'],
    found: ['once', 'again, receipt at hand'].map((at) => `publish, ${at}: a receipt, and nothing is there`),
  },
])('$name', async ({ name, only, found }) => {
  expect(failures((await runConformance(wrong(`${name}.ts`), { only })).rows)).toEqual(found);
});
