// Near-twins of earlier artifacts are found, whatever was changed on their surface.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Earlier } from '../../src/checks/index.js';
import { shinglesOf, similarity } from '../../src/checks/similarity.js';
import { problems } from './checks-fixture.js';

const words = (from: number, count: number): string =>
  Array.from({ length: count }, (_, n) => `word${from + n}`).join(' ');

const made = (...texts: string[]): { earlier: Earlier; read: number[] } => {
  const read: number[] = [];
  return {
    read,
    earlier: (limit) => ({
      async *[Symbol.asyncIterator]() {
        for (const [at, text] of texts.slice(0, limit).entries()) {
          read.push(at);
          yield await Promise.resolve({ label: `blog / ${at}`, text });
        }
      },
    }),
  };
};

test('a near-twin is named with its share, other texts pass', async () => {
  const { earlier } = made(words(500, 100), words(0, 100));
  const context = { earlier };
  expect(await problems(words(0, 99), [{ notSimilar: {} }], { context })).toEqual([
    'it is 99% the same as "blog / 1", at most 80% is allowed',
  ]);
  expect(await problems(words(0, 50) + ' ' + words(900, 50), [{ notSimilar: {} }], { context })).toEqual([]);
  expect(
    await problems(words(0, 50) + ' ' + words(900, 50), [{ notSimilar: { max: 0.2 } }], { context }),
  ).toHaveLength(1);
});

test('a maximum of 1 still refuses the same text', async () => {
  const context = { earlier: made(words(0, 30)).earlier };
  expect(await problems(words(0, 30), [{ notSimilar: { max: 1 } }], { context })).toHaveLength(1);
  expect(await problems(words(0, 31), [{ notSimilar: { max: 1 } }], { context })).toEqual([]);
});

test('case, punctuation, white space and Unicode form hide nothing', async () => {
  const context = { earlier: made('The café at the harbour opens when the tide comes in.').earlier };
  const text = '**THE** cafe\u0301, at the\nharbour -- opens "when" the tide comes in!';
  expect(await problems(text, [{ notSimilar: { max: 0.9 } }], { context })).toHaveLength(1);
});

test('texts without spaces are compared too', async () => {
  const context = { earlier: made('月が港の上に来ると、海の水は月の方へと引き寄せられます。').earlier };
  expect(
    await problems(
      '月が港の上に来ると、海の水は月の方へと引き寄せられました。',
      [{ notSimilar: { max: 0.7 } }],
      { context },
    ),
  ).toHaveLength(1);
});

test('only as many as are asked for are read', async () => {
  const { earlier, read } = made('a', 'b', 'c');
  await problems('text', [{ notSimilar: { last: 2 } }], { context: { earlier } });
  expect(read).toEqual([0, 1]);
});

test('without earlier artifacts to ask for, the check could not run', async () => {
  await expect(problems('text', [{ notSimilar: {} }])).rejects.toMatchObject({ errorClass: 'config' });
});

test('the share is that of the sets: symmetric, 0 to 1, and 1 for itself', () => {
  const text = fc
    .array(fc.constantFrom('sea', 'moon', 'tide', 'sun'), { maxLength: 30 })
    .map((all) => all.join(' '));
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [a, b] = [shinglesOf(one), shinglesOf(other)];
      const share = similarity(a, b);
      expect(share).toBe(similarity(b, a));
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
      if (a.size > 0) expect(similarity(a, shinglesOf(one))).toBe(1);
    }),
  );
});
