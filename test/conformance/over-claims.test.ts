// Publishers that are wrong on purpose, each in one way: the kit has to find them out, and for that very reason.
import { expect, test } from 'vitest';
import type { PublisherFacts } from '../../src/activities/publishers/publisher.js';
import { runConformance, type Faults, type Row } from '../../src/testing/conformance/index.js';
import { judge } from '../../src/testing/conformance/judge.js';
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
    only: ['publish', 'revision'],
    found: [
      'publish, once: a receipt, and nothing is there',
      'publish, again, receipt at hand: a receipt, and nothing is there',
      'revision, 1: a receipt, and nothing is there',
      'revision, 2: 0 objects',
    ],
  },
])('$name', async ({ name, only, found }) => {
  expect(failures((await runConformance(wrong(`${name}.ts`), { only })).rows)).toEqual(found);
});

test('an answer that was not lost, for faults that do nothing, is no proof', async () => {
  const subject = wrong('ignores-keys.ts');
  let asked = 0;
  const faults: Faults = {
    kinds: ['drop-answer'],
    arm: () => undefined,
    disarm: () => undefined,
    requests: () => (++asked === 2 ? 2 : 0),
    idle: async () => undefined,
  };
  const open = async () => ({ ...(await subject.open()), faults });
  const { rows } = await runConformance({ ...subject, open }, { only: ['lost-answer', 'forgotten-key'] });
  expect(failures(rows)).toEqual([
    'drop-answer, request 1 of 2: it was not made this time, so that nothing was lost',
    'drop-answer, request 2 of 2: it was not made this time, so that nothing was lost',
    'key, just before it is forgotten: the answer was not lost, so that no key was needed',
    'key, after it was forgotten: the answer was not lost, so that no key was needed',
  ]);
});

test('to ask a person is an end only where nothing and nobody else can tell', () => {
  const tried = { kind: 'held', errorClass: 'unknown', message: 'who knows' } as const;
  const ending = { tried, counted: { visible: 0, hidden: 0 }, tries: 1 };
  const isFine = (facts: Pick<PublisherFacts, 'class' | 'lookup' | 'keyWindowMs'>) =>
    judge('crash', 'E5', ending, { name: 'any', settleMs: 0, ...facts }).ok;
  expect(isFine({ class: 4, lookup: 'none' })).toBe(true);
  expect(isFine({ class: 4, lookup: 'scan' })).toBe(true);
  expect(isFine({ class: 2, lookup: 'none', keyWindowMs: 60_000 })).toBe(false);
  expect(isFine({ class: 3, lookup: 'exact' })).toBe(false);
});
