// Texts that break off are found; texts that end as people end them pass.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { problems } from './checks-fixture.js';

const check = [{ notTruncated: true }];
const LEAD = 'The sea rises and falls twice a day. Everybody who lives there knows it.\n\n';

describe('breaks off', () => {
  test.each([
    ['in mid-sentence', `${LEAD}When the moon stands over the harbour, the water is drawn towards`],
    ['in mid-word', `${LEAD}When the moon stands over the harbour, the water is dra`],
    ['after a comma', `${LEAD}When the moon stands over the harbour, the water rises,`],
    ['in mid-sentence on a wrapped line', `${LEAD}When the moon stands over the harbour,\nthe water\nis`],
    ['in a code block', `${LEAD}\`\`\`js\nconst a = 1;`],
    ['in a code block in a list', `${LEAD}- so:\n\n  ~~~~\n  a\n  ~~~`],
    ['in a tag', `${LEAD}Look <a href="https://example.com/pa`],
    ['in a link', `${LEAD}- see [the tables](https://example.com/tid`],
    ['in a comment', `${LEAD}Look.\n<!-- the rest`],
    ['in its front matter', '---\ntitle: Tides\ndate: 2026'],
    ['in JSON', '{"title": "Tides", "body": "The sea'],
    ['in a JSON list', '[{"a": 1}, {"a": 2}'],
    ['in a page', '<!doctype html><html><body><p>The sea rises.</p>'],
    ['in a paragraph of HTML', '<p>The sea rises.</p>\n<p>When the moon stands over the', 'text/html'],
    ['in an element of HTML', '<div><div><p>The sea rises.</p></div>', 'text/html'],
    ['in a link of HTML', '<p>The sea rises, <a href="/x">as the moon', 'text/html'],
    ['with a tail', `${LEAD}The moon. [truncated]`],
    ['with a tail of a limit', `${LEAD}The moon. (max tokens reached)`],
    [
      'in Japanese',
      '海は一日に二度満ち引きします。\n\n月が港の上に来ると、海の水は月の方へと引き寄せられてそしてその',
    ],
  ])('%s', async (_, text, mime?: string) => {
    const given = mime === undefined ? {} : { mime };
    expect(await problems(text, check, given)).toEqual([expect.stringMatching(/^it breaks off: /)]);
  });
});

describe('ends', () => {
  test.each([
    ['with a full stop', LEAD],
    [
      'with a closing quotation mark',
      `${LEAD}The harbour master looked at the clock and said: “It is time.”`,
    ],
    ['with emphasis', `${LEAD}And so it goes on every single day, *without end.*`],
    [
      'with a footnote',
      `${LEAD}And so it goes on every single day without end.[^1]\n\n[^1]: See the tables of the office`,
    ],
    [
      'with a list',
      `${LEAD}- the moon and everything that it draws towards itself\n- the sun with all its light and heat`,
    ],
    ['with a table', `${LEAD}| a | b |\n| --- | --- |\n| 1 | 2 |`],
    ['with a listing', `${LEAD}\`\`\`js\nconst a = 1;\n\`\`\``],
    ['with a listing in a list', `${LEAD}- \`\`\`js\n  a\n  \`\`\`\n`],
    ['with a listing of fences', `${LEAD}\`\`\`\`md\n\`\`\`js\n\`\`\`\`\n`],
    ['with a short signature', `${LEAD}Best regards, the editors`],
    ['with a link', `${LEAD}More about all of this can be read by everybody at https://example.com/tides`],
    ['with HTML', `${LEAD}<p>That is all there is to be said about it</p>`],
    ['with a heading only', 'Tides'],
    [
      'in a poem without full stops',
      'the sea the sea the sea the sea the sea\n\nthe moon the moon the moon the moon the moon',
    ],
    [
      'in Japanese',
      '海は一日に二度満ち引きします。\n\n月が港の上に来ると、海の水は月の方へと引き寄せられます。',
    ],
    ['as whole JSON', '{"title": "Tides [", "n": [1, 2]}'],
    ['as a whole page', '<!doctype html><html><body><p>The sea</p></body></html>'],
    ['as a part of a page', '<div><p>The sea rises.</p><ul><li>a<li>b</ul></div>', 'text/html'],
    ['with paragraphs that are all left open', '<p>The sea<p>The moon', 'text/html'],
    ['with tags in a comment', '<p>The sea</p><!-- <div> -->', 'text/html'],
    ['with a comparison', `${LEAD}So we see that for all of these a < b holds.`],
    ['with an emoji', `${LEAD}That is all that we have for you today, see you soon 🌊`],
  ])('%s', async (_, text, mime?: string) => {
    expect(await problems(text, check, mime === undefined ? {} : { mime })).toEqual([]);
  });
});

test('JSON cut anywhere is found, wherever a whole value has begun', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
      fc.nat(),
      async (value, cut) => {
        const whole = JSON.stringify(value);
        expect(await problems(whole, check, { mime: 'application/json' })).toEqual([]);
        const part = whole.slice(0, 1 + (cut % (whole.length - 1)));
        expect(await problems(part, check, { mime: 'application/json' })).toHaveLength(1);
      },
    ),
    { numRuns: 200 },
  );
});

test('no text makes it throw', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 300 }), async (text) => {
      await problems(text, [
        { notTruncated: true },
        { noPlaceholders: true },
        { headings: ['x'] },
        { frontMatter: {} },
      ]);
    }),
    { numRuns: 200 },
  );
});

test.each([
  ['marks', `${LEAD}a ${'*'.repeat(1_000_000)} b`],
  ['brackets', `${LEAD}${'[insert '.repeat(100_000)}`],
  ['dashes', '---\n'.repeat(200_000)],
  ['quotes and stops', `${LEAD}${'."'.repeat(500_000)}x`],
  ['spaces', `${LEAD}${' '.repeat(1_000_000)}x\n${'> '.repeat(300_000)}`],
])(
  'a megabyte of %s is read in a reasonable time',
  async (_, text) => {
    await problems(text, [...check, { noPlaceholders: true }, { frontMatter: {} }, { minWords: 1 }]);
  },
  20_000,
);
